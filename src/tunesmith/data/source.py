"""Source: what ``data.path`` names -> the files of each split."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tunesmith.core.bundled import BUNDLED, bundled_path
from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.data.files.archive import archive_splits
from tunesmith.data.files.folder import Contents, look_into, sorted_out
from tunesmith.data.files.kind import KNOWN, TEXTS, kind_of
from tunesmith.data.files.located import Notice, listing, shown
from tunesmith.data.files.section import DataFile, Section
from tunesmith.data.files.splits import SPLITS, split_of
from tunesmith.data.hub import HUB, hub_splits

Files = dict[str, list[DataFile]]
Tell = Callable[[Notice], None]


def find_files(
    path: str | Mapping[str, str], only: str | None = None, tell: Tell = lambda _: None
) -> Files:
    """The files of each split, sorted by name.

    Args:
        path: a file, a folder, a glob, a bundled name, ``hf:owner/name[/subset]``, or one of these
            for each split. A folder is looked into with all folders in it, a glob names files
            (``data/*.jsonl``, ``data/**/*.csv``). The words of a file's name tell its split
            (``dev``, ``valid``, ``val``: validation), then those of the folders it lies in; a name
            without such a word is training data. Of an archive, and of a folder with labelled
            texts, each split is a section that is read as one.
        only: the one split that is taken, as training data; None: all.
        tell: is given a notice on files that are passed over.

    Raises:
        DataError: nothing is there, or nothing of a known kind.
    """
    if isinstance(path, Mapping):
        unknown = set(path) - set(SPLITS)
        if unknown:
            raise DataError(f"data.path: no split {min(unknown)!r}. Known: {', '.join(SPLITS)}.")
        found: Files = {
            split: [file for files in find_files(one, tell=tell).values() for file in files]
            for split, one in path.items()
        }
    elif path.startswith(HUB):
        found = hub_splits(path, only, tell)
    else:
        found = _here(path, tell)
    if only is None:
        return found
    if only not in found:
        raise DataError(f"{path}: no split {only!r} here. {did_you_mean(only, found)}")
    return {"train": found[only]}


def is_remote(path: str | Mapping[str, str]) -> bool:
    """Whether the data has to be fetched from a hub first."""
    parts = [path] if isinstance(path, str) else list(path.values())
    return any(part.startswith(HUB) for part in parts)


def _here(path: str, tell: Tell) -> Files:
    """The files of one path on this machine."""
    place = bundled_path(path) or Path(path).expanduser()
    if place.is_file():
        return _alone(_of_archive(place)) if _is_archive(place) else {"train": [place]}
    if place.is_dir():
        root, contents = place, look_into(place)
    elif glob.has_magic(path):
        root = _fixed_part(place)
        asked = kind_of(place.name)
        takes_prose = asked is not None and asked.suffix in TEXTS
        contents = sorted_out(_matches(place), takes_prose=takes_prose)
    else:
        raise _missing(path, place)
    found = _by_split(root, contents)
    notices = list(_passed_over(shown(path), root, contents))
    if not found:
        told = " ".join(notices) or f"{shown(path)}: no file at all."
        raise DataError(f"{shown(path)}: no data file here. {told} Known kinds: {KNOWN}.")
    for notice in notices:
        tell(Notice(notice))
    return _alone(found)


def _passed_over(path: str, root: Path, contents: Contents) -> Iterator[str]:
    """What of a folder or of a pattern's files is not read, with its names and the way to it."""
    way = f" To read texts among them, name their kind: {shown(root)}/**/*.md."
    heaps = (
        (contents.others, "file", "passed over that are no data", ""),
        (contents.about, "file", "passed over, named as what tells of data", way),
        (contents.links, "linked folder", "not looked into", " Name it in data.path to read it."),
    )
    for files, what, fate, way_to_it in heaps:
        if files:
            names = [shown(file.relative_to(root).as_posix()) for file in files]
            n = f"1 {what}" if len(files) == 1 else f"{len(files)} {what}s"
            yield f"{path}: {n} {fate}: {listing(names)}.{way_to_it}"


def _by_split(root: Path, contents: Contents) -> Files:
    found: Files = {}
    for text in contents.texts.values():
        found.setdefault(text.split, [Section(root, text.split)])
    for file in contents.files:
        name = file.relative_to(root).as_posix()
        if _is_archive(file):
            sections = _sections(file)
            if not sections:
                contents.others.append(file)
            for split, section in sections.items():
                found.setdefault(split, []).extend(section)
        else:
            found.setdefault(split_of(name) or "train", []).append(file)
    return found


def _is_archive(file: Path) -> bool:
    kind = kind_of(file.name)
    return kind is not None and kind.suffix == ".tar"


def _of_archive(archive: Path) -> Files:
    found = _sections(archive)
    if not found:
        raise DataError(f"{shown(archive)}: no member of it is data. Known kinds: {KNOWN}.")
    return found


def _sections(archive: Path) -> Files:
    return {split: [Section(archive, split)] for split in archive_splits(archive)}


def _alone(found: Files) -> Files:
    """A set with one split only is training data, whatever its name says."""
    return {"train": next(iter(found.values()))} if len(found) == 1 else found


def _matches(pattern: Path) -> list[Path]:
    found = (Path(match) for match in glob.glob(str(pattern), recursive=True))
    return sorted({match for match in found if match.is_file()})


def _fixed_part(pattern: Path) -> Path:
    """The folder above the first part of a glob that is no plain name."""
    parts = pattern.parts
    n = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:n])


def _missing(path: str, place: Path) -> DataError:
    parent = place.parent
    found = sorted(p.name for p in parent.iterdir()) if parent.is_dir() else []
    beside = [shown(name) for name in found if not name.startswith(".")]
    hint = (
        did_you_mean(place.name, [*beside[:20], *BUNDLED])
        if parent.is_dir()
        else f"The folder {parent} does not exist either."
    )
    return DataError(f"{shown(path)}: no such file or folder. {hint}")
