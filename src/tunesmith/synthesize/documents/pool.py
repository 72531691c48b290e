"""Pool: many documents over a few processes, in order, with flat memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tunesmith.core.extras import require
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.reader_process import NEEDED, ReaderProcess
from tunesmith.synthesize.documents.refusal import Refusal

AHEAD = 2
"""Documents that are read or wait to be taken, for each process."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What became of one file."""

    path: Path
    name: str
    document: ParsedDocument | None
    reason: str = ""
    """Why there is no document."""
    is_passing: bool = False
    """It may be read another time."""


def read_documents(
    files: Iterable[tuple[Path, str]], limits: Limits, *, n_processes: int = 2
) -> Generator[ReadResult]:
    """Reads files, each with what it is to be called.

    A file that cannot be read, or that passes a limit, is yielded with its reason; the others go
    on. Only a few documents are held at a time.

    Args:
        files: in the order in which they are yielded.
        limits: of each document.
        n_processes: at most so many read at once.

    Raises:
        MissingExtraError: a library is not installed.
    """
    for package in NEEDED:
        require_quickly(package)
    idle: SimpleQueue[ReaderProcess] = SimpleQueue()

    def read(path: Path, name: str) -> ReadResult:
        reader = idle.get()
        try:
            return ReadResult(path, name, reader.read(path, name))
        except Refusal as refusal:
            return ReadResult(path, name, None, str(refusal), refusal.is_passing)
        finally:
            idle.put(reader)

    with ExitStack() as stack:
        readers = [ReaderProcess(limits) for _ in range(n_processes)]
        for reader in readers:
            idle.put(reader)
            stack.callback(reader.close)
        threads = stack.enter_context(ThreadPoolExecutor(n_processes))
        for reader in readers:
            stack.callback(reader.stop)  # before the threads are waited for, which wait for it
        waiting: deque[Future[ReadResult]] = deque()
        stack.callback(lambda: [future.cancel() for future in waiting])
        for path, name in files:
            waiting.append(threads.submit(read, path, name))
            if len(waiting) >= AHEAD * n_processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def require_quickly(package: str) -> None:
    """Asks for a library without importing it: only the processes that read need it."""
    from tunesmith.core.extras import is_installed

    if not is_installed(package):
        require(package, extra="documents", purpose="Reading documents")
