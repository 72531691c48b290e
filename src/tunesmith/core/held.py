"""Held: a directory that one process writes at a time.

The lock is the operating system's, so a crash or a reboot releases it; the file beside it tells who
held it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tunesmith.core.errors import RunError
from tunesmith.core.holder import this_boot

HOLDER = "holder"


@contextmanager
def held(path: Path, *, choose: str) -> Generator[str]:
    """Holds a directory until the block ends; gives who left it behind, or nothing.

    Args:
        path: the directory; made if it is not there. If nothing came into it, it is left as it was.
        choose: what is to be done where it cannot be used, as ``Choose another with --out``.

    Raises:
        RunError: another process holds it, or it cannot be written or locked.
    """
    is_new, was_unused = not path.exists(), is_unused(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / HOLDER, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}). {choose}.") from None
    try:
        _lock(path, handle, choose)
        yield _holder(handle)
    finally:
        os.close(handle)
        if was_unused and is_unused(path):
            (path / HOLDER).unlink(missing_ok=True)
            if is_new:
                path.rmdir()


def is_unused(path: Path) -> bool:
    """Whether nothing lies in a directory but what an ended process left that held it, if that."""
    return not path.exists() or (
        path.is_dir() and all(entry.name == HOLDER for entry in path.iterdir())
    )


@contextmanager
def written_down(path: Path) -> Generator[None]:
    """Writes this process down as the one that holds a directory, and takes it out in the end.

    Raises:
        RunError: the disk is full.
    """
    file = path / HOLDER
    text = f"process {os.getpid()} on {socket.gethostname()}\n{this_boot()}\n"
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise RunError(
            f"{file}: cannot be written ({error.strerror}). Make room, or name another folder."
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # it must not hide what ended the block
            os.truncate(file, 0)


def _lock(path: Path, handle: int, choose: str) -> None:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            holder = _holder(handle) or "another process"
            raise RunError(f"{path}: in use by {holder}. Wait for it, or end it.") from None
        raise RunError(
            f"{path}: cannot be locked ({error.strerror}), so two processes could write here at "
            f"once. {choose}, on a disk of this machine."
        ) from None


def _holder(handle: int) -> str:
    """Who wrote itself down in a lock's file and did not take its name out again."""
    lines = os.pread(handle, 400, 0).decode("utf-8", "replace").splitlines()
    if not lines:
        return ""
    is_older = len(lines) > 1 and lines[1] != this_boot()
    return lines[0] + (", before this machine was started" if is_older else "")
