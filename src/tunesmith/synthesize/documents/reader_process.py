"""Reader process: one worker seen from outside; it is ended at its limit and started anew."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from tunesmith.core.errors import MissingExtraError, TunesmithError
from tunesmith.data.files.located import shown
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.worker import LENGTH, send

MODULE = "tunesmith.synthesize.documents.worker"
LARGEST_ANSWER = 2**30
BLOCK = 2**18
NEEDED = ("lxml", "markdown_it", "pdfplumber")


class ReaderProcess:
    """Reads documents one after another in a process of its own, which starts when needed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def read(self, path: Path, name: str) -> ParsedDocument:
        """Reads one document.

        Args:
            path: the file.
            name: what to call it.

        Raises:
            Refusal: it cannot be read, or passed a limit; the process was ended then.
            MissingExtraError: a library is not installed.
        """
        limits = self.limits
        if self._is_stopped:
            raise Refusal("was not read: reading was stopped.", is_passing=True)
        if not path.is_file():  # a pipe or a device would be waited for without end
            raise Refusal("is no plain file. Name the document itself.", is_passing=True)
        request = {
            "path": os.fsencode(path.resolve()).hex(),
            "name": shown(name),
            "limits": limits.model_dump(),
        }
        process = self._started()
        assert process.stdin is not None
        try:
            send(process.stdin, request)  # pyright: ignore[reportArgumentType]
            answer = self._answer(process, time.monotonic() + limits.wall_s)
        except (BrokenPipeError, EOFError):
            raise Refusal(self._ended(process), is_passing=True) from None
        except TimeoutError:
            self.close()
            raise Refusal(
                f"took more than {limits.wall_s:g} s and was stopped. Split it, or raise "
                "--max-seconds.",
                is_passing=True,
            ) from None
        if answer.get("ends"):
            self.close()
        return _checked(answer)

    def stop(self) -> None:
        """Ends the process from another thread; the one that waits for it then sees its end.

        The streams stay open: nobody would ever wake from waiting on one that was closed.
        """
        self._is_stopped = True
        if self._process is not None:
            _kill(self._process)

    def close(self) -> None:
        """Ends the process and whatever it started."""
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        source = str(Path(__file__).parents[3])
        paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
        keep = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **keep,
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONHASHSEED": "0",
                "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, which markitdown loads
            },
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        assert process.stdout is not None
        data = bytearray()
        length: int | None = None
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while length is None or len(data) < length:
                left = deadline - time.monotonic()
                if left <= 0 or not ready.select(left):
                    raise TimeoutError
                block = os.read(process.stdout.fileno(), BLOCK)
                if not block:
                    raise EOFError
                data += block
                if length is None and len(data) >= LENGTH.size:
                    length = int(LENGTH.unpack(data[: LENGTH.size])[0])
                    del data[: LENGTH.size]
                    if length > LARGEST_ANSWER:
                        raise EOFError
        return orjson.loads(data)

    def _ended(self, process: subprocess.Popen[bytes]) -> str:
        """Why the process is gone."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        code = process.returncode
        self.close()
        if code is not None and code == -signal.SIGXCPU:
            return (
                f"took more than {self.limits.cpu_s} s of computing and was stopped. Split it, or "
                "raise --max-seconds."
            )
        if code == -signal.SIGKILL:
            return "its reader was killed, most likely for memory. Split it."
        return f"its reader broke down (code {code}). Save the document anew."


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _checked(answer: dict[str, Any]) -> ParsedDocument:
    """The document of an answer, if it is sound."""
    if "missing" in answer:
        raise _missing()
    if "refused" in answer:
        raise Refusal(str(answer["refused"]), is_passing=bool(answer.get("passing")))
    try:
        return ParsedDocument.from_dict(answer["document"])
    except (KeyError, TypeError, ValueError) as error:
        reason = f"its reader broke down ({error}). Save the document anew."
        raise Refusal(reason, is_passing=True) from None


def _missing() -> TunesmithError:
    from tunesmith.core.extras import is_installed

    package = next((name for name in NEEDED if not is_installed(name)), NEEDED[0])
    return MissingExtraError(package, "documents", "Reading documents")
