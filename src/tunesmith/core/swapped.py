"""Swapped: a folder that is written anew beside its place and takes it whole.

Whoever looks sees the folder as it was or as it is now, never some files of each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from tunesmith.core.errors import RunError


@contextmanager
def swapped(place: Path, ours: Collection[str]) -> Generator[Path]:
    """An empty folder that takes the place of another when the block ends; not after an error.

    A process that is killed between two renames leaves no folder for a moment; the next one takes
    away what is left over.

    Args:
        place: of the folder; it need not be there.
        ours: files that are written anew, as paths within; any other that somebody has put there
            is taken along.

    Raises:
        RunError: the disk is full or the folder not writable.
    """
    place = place.resolve()
    new, old = (place.with_name(f".{place.name}.{what}") for what in ("new", "old"))
    try:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists():  # a process was killed at the end of its work
            if place.exists():
                _take_along(old, place, ours)
            else:
                old.rename(place)
        new.mkdir(parents=True)
        yield new
        _sync(new)
        if place.exists():
            place.rename(old)
        new.rename(place)
        _sync(place.parent)
        if old.exists():
            _take_along(old, place, ours)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{place}: cannot be written anew ({reason}).") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _take_along(old: Path, place: Path, ours: Collection[str]) -> None:
    """Moves what is not ours, and takes the rest away."""
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        is_file = path.is_symlink() or not path.is_dir()
        if is_file and name.as_posix() not in ours and not os.path.lexists(place / name):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(place / name)
    shutil.rmtree(old)


def _sync(folder: Path) -> None:
    """Makes the names in a folder last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
