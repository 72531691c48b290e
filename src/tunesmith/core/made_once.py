"""Made once: an entry of the cache that costs much, so that one process makes it while others wait.

What a killed process left of one is taken away, and old entries make room for new ones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tunesmith.core.cache import cache_dir
from tunesmith.core.errors import RunError

DRAFT, LOCK = ".draft-", "lock"


@contextmanager
def made_once(kind: str, key: str, tell: Callable[[str], None]) -> Generator[Path]:
    """A draft of the entry ``key``, an empty directory that this process alone writes.

    Where another process is at the same entry, its end is waited for, so the entry is to be looked
    for again inside of the block. Of a draft that is not handed to :func:`finish` nothing is left.

    Args:
        kind: of entry; a directory of the cache.
        key: of the entry.
        tell: is told when it has to wait.

    Raises:
        RunError: the cache cannot be written or locked.
    """
    folder = cache_dir() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{DRAFT}*"):
            _take_away_left(left)
        draft, handle = _locked(folder / f"{DRAFT}{key}", tell)
    except OSError as error:
        raise RunError(
            f"{folder}: the cache cannot be written ({error.strerror}). Set TUNESMITH_CACHE to a "
            "directory of this machine that can."
        ) from error
    try:
        yield draft
    finally:
        # Taken away while it is held: whoever waits for it then sees that it is gone. After a
        # finish another process may have a draft of its own there by now, which stays.
        if _is_same(handle, draft / LOCK):
            shutil.rmtree(draft, ignore_errors=True)
        os.close(handle)


def finish(draft: Path) -> Path:
    """Makes a whole draft the entry; what was there under its key is replaced.

    Raises:
        OSError: it cannot be renamed.
    """
    place = draft.with_name(draft.name.removeprefix(DRAFT))
    shutil.rmtree(place, ignore_errors=True)
    # The lock goes along: a draft without one looks like what a killed process left.
    draft.rename(place)
    (place / LOCK).unlink()
    return place


def make_room(kind: str, n_bytes: int, limit: int) -> list[Path]:
    """Takes entries of a kind away, those unused longest first, so that a new one fits a limit.

    Args:
        kind: of entry.
        n_bytes: of the new one.
        limit: of all of them.

    Returns:
        Those that were taken away. A process that reads one goes on reading it.
    """
    folder = cache_dir() / kind
    known = [place for place in folder.glob("[!.]*") if place.is_dir()]
    sizes = {place: n_bytes_of(place) for place in known}
    gone: list[Path] = []
    for place in sorted(known, key=lambda each: each.stat().st_mtime):
        if sum(sizes.values()) + n_bytes <= limit:
            break
        shutil.rmtree(place, ignore_errors=True)
        del sizes[place]
        gone.append(place)
    return gone


def n_bytes_of(place: Path) -> int:
    """Size of all files in a directory."""
    return sum(file.stat().st_size for file in place.glob("*") if file.is_file())


def _locked(draft: Path, tell: Callable[[str], None]) -> tuple[Path, int]:
    """Makes a draft and locks it, as soon as nobody else has it."""
    import fcntl

    while True:
        draft.mkdir(exist_ok=True)
        try:
            handle = os.open(draft / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # taken away just now by whoever had it
            continue
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell(f"{draft}: another process is at it; waiting for its end.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_same(handle, draft / LOCK):
                return draft, handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_same(handle: int, file: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == file.stat().st_ino
    except FileNotFoundError:
        return False


def _take_away_left(draft: Path) -> None:
    """Takes a draft away that no process holds."""
    import fcntl

    with suppress(OSError):
        handle = os.open(draft / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(handle, draft / LOCK):  # else it was finished, and this is another one
                shutil.rmtree(draft, ignore_errors=True)
        finally:
            os.close(handle)
