"""Hub: ``hf:owner/name[/subset]`` -> the local copy of a data set, one file per split."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tunesmith.core.errors import DataError
from tunesmith.core.extras import require
from tunesmith.data.files.located import Notice, listing
from tunesmith.data.files.section import DataFile
from tunesmith.data.files.splits import split_of

HUB = "hf:"


def hub_splits(
    path: str, only: str | None, tell: Callable[[Notice], None]
) -> dict[str, list[DataFile]]:
    """The files of each split; a data set that is not here yet is fetched.

    Hub splits are called as their authors like. Those whose name holds no word for a split
    (``unsupervised``) are passed over where others have one, for they may not be meant to be
    learnt; they can be asked for by name.

    Args:
        path: ``hf:owner/name`` or ``hf:owner/name/subset``.
        only: a split that is asked for by its name on the hub; it is found under this name.
        tell: is given a notice on splits that are passed over.

    Raises:
        DataError: the data set cannot be fetched.
        MissingExtraError: ``datasets`` is not installed.
    """
    files = sorted(_fetched(path.removeprefix(HUB)).glob("*.parquet"))
    by_name = {file.stem: file for file in files}
    if only is not None and only in by_name:
        return {only: [by_name[only]]}
    found: dict[str, list[DataFile]] = {}
    for name, file in by_name.items():
        if split := split_of(name):
            found.setdefault(split, []).append(file)
    others = [name for name in by_name if split_of(name) is None]
    if not found:
        return {"train": [*files]}
    if others:
        tell(Notice(f"{path}: splits passed over: {listing(others)}. Ask for one with split."))
    return {"train": next(iter(found.values()))} if len(found) == 1 else found


def _fetched(name: str) -> Path:
    """The folder with one Parquet file per split."""
    datasets = require("datasets", extra="hub", purpose=f"Reading 'hf:{name}'")
    owner, _, rest = name.partition("/")
    repo, _, subset = rest.partition("/")
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "tunesmith" / re.sub(r"[^\w.]+", "-", name)
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
        rows.to_parquet(str(folder / f"{split}.parquet"))
    done.touch()
    return folder
