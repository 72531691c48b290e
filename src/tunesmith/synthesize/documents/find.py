"""Find: what a user names -> the files that may be documents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.data.files.folder import NEVER_LOOKED_INTO
from tunesmith.data.files.kind import is_hidden
from tunesmith.data.files.located import listing, shown


@dataclass
class Found:
    """Files in order, each with what it is called, and what was passed over."""

    files: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    notices: list[str] = field(default_factory=list[str])


def find_documents(sources: Iterable[str]) -> Found:
    """Files that are named, and all files of folders that are named, by name.

    Hidden files and folders are passed over, links to folders are not followed; both are told.

    Raises:
        DataError: something named is not there, or nothing is left to read.
    """
    found = Found()
    known: set[Path] = set()
    for source in sources:
        place = Path(source).expanduser()
        if place.is_dir():
            inside = sorted(_walk(place, found.notices))
        elif place.exists():
            inside = [place]
        else:
            raise _missing(source, place)
        for path in inside:
            if path.resolve() not in known:
                known.add(path.resolve())
                found.files.append((path, shown(path)))
    if not found.files:
        raise DataError(f"no file here to read. {' '.join(found.notices)} Name documents.")
    return found


def _walk(folder: Path, notices: list[str]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{shown(error.filename)}: cannot be listed ({error.strerror}).")

    hidden: list[str] = []
    links: list[str] = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        here = Path(place)
        hidden += [shown(here / name) for name in (*folders, *files) if is_hidden(name)]
        folders[:] = [f for f in folders if not is_hidden(f) and f not in NEVER_LOOKED_INTO]
        links += [shown(here / name) for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in files if not is_hidden(name))
    if hidden:
        notices.append(f"{shown(folder)}: {len(hidden)} hidden passed over: {listing(hidden)}.")
    if links:
        notices.append(
            f"{shown(folder)}: {len(links)} linked folders not looked into: {listing(links)}."
        )


def _missing(source: str, place: Path) -> DataError:
    parent = place.parent
    if not parent.is_dir():
        hint = f"The folder {shown(parent)} does not exist either."
    else:
        names = sorted(shown(p.name) for p in parent.iterdir() if not is_hidden(p.name))
        hint = did_you_mean(place.name, names[:20])
    return DataError(f"{shown(source)}: no such file or folder. {hint}")
