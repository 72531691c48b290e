"""Cache: a directory for what can be made again; whole entries appear at once or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tunesmith.core.errors import RunError

KEPT_DAYS = 30


def cache_dir() -> Path:
    """``$TUNESMITH_CACHE``, else the user's cache directory."""
    chosen = os.environ.get("TUNESMITH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tunesmith"


@contextmanager
def new_entry(kind: str, key: str) -> Generator[Path]:
    """An empty directory that becomes the entry ``key`` when the block ends without an error.

    Entries of the kind that were not used for 30 days are taken away first.

    Raises:
        RunError: the cache cannot be written.
    """
    folder = cache_dir() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
        forget_old(folder)
        draft = Path(tempfile.mkdtemp(prefix=f".{key[:12]}-", dir=folder))
    except OSError as error:
        raise RunError(
            f"{folder}: the cache cannot be written ({error.strerror}). Set TUNESMITH_CACHE to a "
            "directory that can."
        ) from error
    try:
        yield draft
        place = folder / key
        shutil.rmtree(place, ignore_errors=True)
        try:
            draft.rename(place)
        except OSError:
            if not place.is_dir():  # else another process has made the same entry just now
                raise
    finally:
        if draft.exists():
            shutil.rmtree(draft)


def entry(kind: str, key: str) -> Path:
    """Where an entry is, if it exists; its use is noted."""
    place = cache_dir() / kind / key
    with suppress(OSError):  # a cache that can only be read serves all the same
        os.utime(place)
    return place


def forget_old(folder: Path) -> None:
    """Takes entries of a kind away that were not used for 30 days.

    Args:
        folder: of the kind.
    """
    now = time.time()
    for old in folder.iterdir():
        if old.is_dir() and now - old.stat().st_mtime > KEPT_DAYS * 86400:
            shutil.rmtree(old, ignore_errors=True)
