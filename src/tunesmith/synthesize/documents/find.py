"""Find: what a user names -> the files that may be documents, each with a name that stays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.data.files.folder import NEVER_LOOKED_INTO
from tunesmith.data.files.kind import is_hidden
from tunesmith.data.files.located import listing, shown
from tunesmith.synthesize.documents.names import Place, names_of

CATALOG = "documents.sqlite"
"""In the folder of a build, whose files are made of documents and are none."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a document."""

    path: Path
    name: str
    """The same wherever the source lies and however it was typed: the folder's own name and the
    path within, or the file's own name."""

    @property
    def typed(self) -> str:
        """Its place as it was typed, for messages."""
        return shown(self.path)


@dataclass
class Found:
    """Files in order, and what was passed over."""

    files: list[FoundFile] = field(default_factory=list[FoundFile])
    notices: list[str] = field(default_factory=list[str])


def find_documents(sources: Iterable[str], *, out: Path | None = None) -> Found:
    """Files that are named, and all files of folders that are named, by name.

    Hidden files and folders are passed over, links to folders are not followed, and what a build
    made is not read as a document of the next one; all of it is told.

    Args:
        sources: files and folders.
        out: file or folder that is written to, passed over too.

    Raises:
        DataError: something named is not there, or nothing is left to read.
    """
    notices: list[str] = []
    paths: list[Path] = []
    places: list[Place] = []
    known: set[Path] = set()
    for source in sources:
        place = Path(source).expanduser()
        if place.is_dir():
            root, inside = place, sorted(_walk(place, out.resolve() if out else None, notices))
        elif place.exists():
            root, inside = None, [place]
        else:
            raise _missing(source, place)
        for path in inside:
            if path.resolve() not in known:
                known.add(path.resolve())
                paths.append(path)
                places.append(Place.of(path, root))
    if not paths:
        raise DataError(f"no file here to read. {' '.join(notices)} Name documents.")
    names = names_of(places)
    files = [FoundFile(path, shown(name)) for path, name in zip(paths, names, strict=True)]
    return Found(files, notices)


def _walk(folder: Path, out: Path | None, notices: list[str]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{shown(error.filename)}: cannot be listed ({error.strerror}).")

    hidden: list[str] = []
    links: list[str] = []
    made: list[str] = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        here = Path(place)
        if CATALOG in files or here.resolve() == out:
            made.append(shown(here))
            folders[:] = []
            continue
        hidden += [shown(here / name) for name in (*folders, *files) if is_hidden(name)]
        folders[:] = [f for f in folders if not is_hidden(f) and f not in NEVER_LOOKED_INTO]
        links += [shown(here / name) for name in folders if (here / name).is_symlink()]
        for name in files:
            if out is not None and name == out.name and (here / name).resolve() == out:
                made.append(shown(here / name))
            elif not is_hidden(name):
                yield here / name
    if hidden:
        notices.append(f"{shown(folder)}: {len(hidden)} hidden passed over: {listing(hidden)}.")
    if links:
        notices.append(
            f"{shown(folder)}: {len(links)} linked folders not looked into: {listing(links)}."
        )
    if made:
        notices.append(
            f"{shown(folder)}: what was made of documents is passed over: {listing(made)}."
        )


def _missing(source: str, place: Path) -> DataError:
    parent = place.parent
    if not parent.is_dir():
        hint = f"The folder {shown(parent)} does not exist either."
    else:
        names = sorted(shown(p.name) for p in parent.iterdir() if not is_hidden(p.name))
        hint = did_you_mean(place.name, names[:20])
    return DataError(f"{shown(source)}: no such file or folder. {hint}")
