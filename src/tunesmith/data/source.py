"""Source: what ``data.path`` names -> the files of each split."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tunesmith.core.bundled import BUNDLED, bundled_path
from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.extras import require
from tunesmith.data.records import SUFFIXES

SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
}
HUB = "hf:"

Files = dict[str, list[Path]]


def find_files(path: str | Mapping[str, str], only: str | None = None) -> Files:
    """The files of each split, sorted by name.

    Args:
        path: a file, a folder, a bundled name, ``hf:owner/name[/subset]``, or one of these for
            each split. In a folder the words of a file's name tell its split (``dev``, ``valid``,
            ``val``: validation); a name without such a word is training data.
        only: the one split that is taken, as training data; None: all.

    Raises:
        DataError: nothing is there, or nothing of a known kind.
    """
    if only is not None:
        found = find_files(path)
        if only not in found:
            raise DataError(f"{path}: no split {only!r} here. {did_you_mean(only, found)}")
        return {"train": found[only]}
    if isinstance(path, Mapping):
        unknown = set(path) - set(SPLITS)
        if unknown:
            raise DataError(f"data.path: no split {min(unknown)!r}. Known: {', '.join(SPLITS)}.")
        return {
            split: [file for files in find_files(one).values() for file in files]
            for split, one in path.items()
        }
    place = _local(path)
    if place.is_file():
        return {"train": [place]}
    found: Files = {}
    for file in sorted(place.iterdir()):
        if file.suffix.lower() in SUFFIXES and file.is_file() and not _is_about_the_data(file):
            found.setdefault(_split_of(file), []).append(file)
    if not found:
        raise DataError(f"{place}: no data file here. Known kinds: {', '.join(SUFFIXES)}.")
    if "train" not in found and len(found) == 1:
        found = {"train": next(iter(found.values()))}
    return found


def is_remote(path: str | Mapping[str, str]) -> bool:
    """Whether the data has to be fetched from a hub first."""
    parts = [path] if isinstance(path, str) else list(path.values())
    return any(part.startswith(HUB) for part in parts)


def _local(path: str) -> Path:
    if path.startswith(HUB):
        return _download(path.removeprefix(HUB))
    place = bundled_path(path) or Path(path).expanduser()
    if not place.exists():
        parent = place.parent
        beside = [p.name for p in parent.iterdir()] if parent.is_dir() else []
        hint = (
            did_you_mean(place.name, [*beside[:20], *BUNDLED])
            if parent.is_dir()
            else f"The folder {parent} does not exist either."
        )
        raise DataError(f"{path}: no such file or folder. {hint}")
    return place


def _split_of(file: Path) -> str:
    # A text's name is often a title ("how-we-test.md"), so only its parts between dots count.
    is_text = file.suffix.lower() in (".txt", ".md")
    words = re.split(r"\." if is_text else r"[^a-z]+", file.name.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "train")


def _is_about_the_data(file: Path) -> bool:
    stem = file.stem.lower()
    return stem in ("readme", "source", "license", "dataset_info") or file.name.startswith(".")


def _download(name: str) -> Path:
    """Fetches a hub data set into the local cache as one JSON lines file per split."""
    datasets = require("datasets", extra="hub", purpose=f"Reading 'hf:{name}'")
    owner, _, rest = name.partition("/")
    repo, _, subset = rest.partition("/")
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "tunesmith" / re.sub(r"\W+", "-", name)
    done = folder / "COMPLETE"
    if done.exists():
        return folder
    try:
        splits = datasets.load_dataset(f"{owner}/{repo}", subset or None)
    except Exception as error:  # the library raises a dozen kinds for "not there"
        raise DataError(
            f"hf:{name}: cannot be fetched ({type(error).__name__}: {error}). Check the name and "
            "the network, or point data.path to a local copy."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        rows.to_json(str(folder / f"{split}.jsonl"), force_ascii=False)
    done.touch()
    return folder
