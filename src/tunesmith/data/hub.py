"""Hub: ``hf:owner/name[/subset]`` -> the local copy of a data set, one file per split."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
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

    A fetched set is kept in the folder ``tunesmith`` of the cache of ``datasets``
    (``HF_DATASETS_CACHE``), by its name, and is not compared with the hub again. To fetch it anew,
    take its folder there away; ``datasets`` then looks whether the hub has a newer one.

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


def cache_folder(root: Path, name: str) -> Path:
    """Where the copy of a data set is kept; a hash in its name tells ``a/b-c`` from ``a-b/c``.

    Args:
        root: the cache folder of ``datasets``.
        name: ``owner/name`` or ``owner/name/subset``.
    """
    readable = re.sub(r"[^\w.]+", "-", name)
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return root / "tunesmith" / f"{readable}-{digest[:12]}"


def keep(folder: Path, write: Callable[[Path], None]) -> None:
    """Makes a folder that appears when it is whole.

    Where another process has made it in the meantime, that one's is taken.

    Args:
        folder: is not there yet.
        write: fills the folder that it is given.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        write(part)
        part.chmod(0o755)  # a temporary folder is its owner's alone
        with suppress(FileExistsError):
            part.rename(folder)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            told = error.strerror or error
            raise DataError(f"{folder}: cannot be written ({told}). Make room there.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fetched(name: str) -> Path:
    """The folder with one Parquet file per split."""
    datasets = require("datasets", extra="hub", purpose=f"Reading 'hf:{name}'")
    owner, _, rest = name.partition("/")
    repo, _, subset = rest.partition("/")
    folder = cache_folder(Path(datasets.config.HF_DATASETS_CACHE), name)
    if folder.is_dir():
        return folder
    try:
        splits = datasets.load_dataset(f"{owner}/{repo}", subset or None)
    except Exception as error:  # the library raises a dozen kinds for "not there"
        raise DataError(
            f"hf:{name}: cannot be fetched ({type(error).__name__}: {error}). Check the name and "
            "the network, or point data.path to a local copy."
        ) from error

    def write(part: Path) -> None:
        for split, rows in splits.items():
            rows.to_parquet(str(part / f"{split}.parquet"))

    keep(folder, write)
    return folder
