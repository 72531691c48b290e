"""Folders: which files in them hold data, which are labelled texts, and which are neither."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.data.files.kind import (
    TEXTS,
    is_hidden,
    is_kept_beside_data,
    is_prose_about_data,
    kind_of,
)
from tunesmith.data.files.labelled import TextLabel, labelled_texts
from tunesmith.data.files.located import Item, Notice, shown
from tunesmith.data.files.text import text_record
from tunesmith.data.files.unpack import opened, read_all

NEVER_LOOKED_INTO = ("__MACOSX", "__pycache__")


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a folder, each in one of four heaps, and what was not looked into."""

    files: list[Path] = field(default_factory=list[Path])
    """Of a known kind, to be read one by one."""
    texts: dict[Path, TextLabel] = field(default_factory=dict[Path, TextLabel])
    """Labelled texts, by the layout of their folders."""
    others: list[Path] = field(default_factory=list[Path])
    """Of no known kind, or not part of the data set that lies here."""
    about: list[Path] = field(default_factory=list[Path])
    """They tell of the data, by their names: a read-me, a licence."""
    links: list[Path] = field(default_factory=list[Path])
    """Links to folders, which are not followed."""


def look_into(folder: Path) -> Contents:
    """Sorts the files of a folder and of the folders in it.

    Hidden files and folders are passed over. Links to folders are not followed.

    Raises:
        DataError: a folder cannot be listed.
    """
    root = folder.resolve().name
    links: list[Path] = []
    files = sorted(_walk(folder, links))
    names = {path: f"{root}/{path.relative_to(folder).as_posix()}" for path in files}
    labels = labelled_texts(names.values())
    texts = {path: labels[name] for path, name in names.items() if name in labels}
    contents = sorted_out([path for path in files if path not in texts], texts)
    contents.links.extend(sorted(links))
    return contents


def sorted_out(
    files: Iterable[Path],
    texts: dict[Path, TextLabel] | None = None,
    *,
    takes_prose: bool = False,
) -> Contents:
    """Parts files that hold data from others; hidden ones are left out.

    Args:
        files: in the order in which they are to be read.
        texts: labelled texts that lie beside them.
        takes_prose: a read-me and the like are data too.
    """
    contents = Contents(texts=texts or {})
    for path in files:
        kind = kind_of(path.name)
        if is_hidden(path.name):
            continue
        is_beside = kind is not None and kind.suffix in TEXTS and bool(texts)
        if is_prose_about_data(path.name) and not (takes_prose and kind):
            contents.about.append(path)
        elif kind is None or is_kept_beside_data(path.name) or is_beside:
            contents.others.append(path)
        elif not _is_of_its_set(path):
            contents.others.append(path)
        else:
            contents.files.append(path)
    return contents


def read_labelled(folder: Path, split: str) -> Iterator[Item]:
    """Yields the labelled texts of one split, each with ``text`` and ``label``.

    The origin is the text's path. A blank text is yielded as its error.

    Raises:
        DataError: a text is not of its encoding.
    """
    n_unlabelled = 0
    for path, text in look_into(folder).texts.items():
        if text.split != split:
            continue
        if text.label is None:
            n_unlabelled += 1
            continue
        place = shown(path)
        with opened(path) as stream:
            content = decoded(place, read_all(place, stream, None))
        yield text_record(place, content, text.label)
    if n_unlabelled:
        yield Notice(f"{shown(folder)}: {n_unlabelled} texts without a label left out.")


def _walk(folder: Path, links: list[Path]) -> Iterator[Path]:
    """The files of a folder and of the folders in it; links to folders are noted."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{shown(error.filename)}: cannot be listed ({error.strerror}).")

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in NEVER_LOOKED_INTO]
        links.extend(path for f in folders if (path := Path(place, f)).is_symlink())
        yield from (Path(place, file) for file in files)


def _is_of_its_set(path: Path) -> bool:
    """False for an .arrow file beside a saved data set: its ``state.json`` names its own files.

    ``datasets`` leaves what it has computed from the set in the same folder.
    """
    state = path.with_name("state.json")
    if path.suffix != ".arrow" or not path.with_name("dataset_info.json").is_file():
        return True
    try:
        listed = json.loads(state.read_bytes())["_data_files"]
        names = [cast("dict[str, Any]", entry)["filename"] for entry in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return path.name in names
