"""Data: which sets are read and mixed, how long a row may be, and what is held out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.counted import Counted
from tunesmith.compat.llamafactory.dataset_info import FILE, REMOTE, read_dataset_info
from tunesmith.compat.llamafactory.sources import source
from tunesmith.core.errors import DataError

MIXES = {
    "concat": "concat",
    "interleave_once": "concat",
    "interleave_under": "shrink",
    "interleave_over": "repeat",
}
"""``mix_strategy`` there -> ``data.mix`` here."""

Fields = dict[str, Any]


def data(account: Account, stage: str, file: Path, counted: list[Counted]) -> Fields:
    """The recipe's ``data``.

    Args:
        account: the file's keys.
        stage: as there.
        file: the training file; a data folder that is not below the current one is looked for in
            the folders above it.
        counted: gets the figures that only the data itself can turn into shares.
    """
    sources, n_training = _sources(account, stage, file)
    fields: Fields = {"sources": sources}
    if len(sources) == n_training:
        fields |= _mix(account, sources)
    elif account.get("mix_strategy", "concat") != "concat":
        account.refuses("mix_strategy", "goes together with val_size here, not with eval_dataset.")
    account.maps("mix_strategy", "data.mix")
    account.maps("interleave_probs", "data.sources")
    fields["validation_fraction"] = _validation(account, counted)
    fields["bad_rows"] = "reject"
    account.comment("data.bad_rows", "bad rows are skipped there; here counted, with their places")
    fields["max_tokens"] = _limit(account)
    fields["too_long"] = "cut"
    fields["cut_answers"] = True
    account.skips("streaming", "rows are read once and stay encoded")
    return fields


def _sources(account: Account, stage: str, file: Path) -> tuple[list[Fields], int]:
    """Training sets, then the sets to evaluate on, and how many train."""
    place = account.get("dataset_dir", "data")
    if not isinstance(place, Mapping):
        place = _data_folder(account, str(place), file)
    account.maps("dataset_dir", "data.sources")
    names = {"dataset": account.names("dataset"), "eval_dataset": account.names("eval_dataset")}
    learns = bool(names["dataset"])
    if not learns and not names["eval_dataset"]:
        account.refuses("dataset", "is needed: names of sets in dataset_info.json.")
    found: list[Fields] = []
    for key, sets in names.items():
        if key == "eval_dataset" and not learns:
            account.maps(key, "data.sources", "is the only data here, so it is the split 'train'")
        else:
            account.maps(key, "data.sources")
        problems: list[str] = []
        for name in sets:
            try:
                (info,), folder = read_dataset_info([name], place)
                fields = source(info, folder, stage)
            except DataError as error:
                problems.append(str(error))
                continue
            if key == "eval_dataset" and learns:
                _hold_out(fields)
            found.append(_limited(account, fields))
        if problems:
            account.refuses(key, " ".join(dict.fromkeys(problems)))
    account.maps("max_samples", "data.sources")
    _split(account)
    return found, len(names["dataset"]) or len(found)


def _data_folder(account: Account, place: str, file: Path) -> str:
    """The folder from here, as there; else the nearest one above the file."""
    if place == "ONLINE" or place.startswith(REMOTE) or (Path(place) / FILE).is_file():
        return place
    for folder in file.absolute().parents:
        if (folder / place / FILE).is_file():
            account.comment("data.sources", f"{place} is not here; it is {folder / place}")
            return str(folder / place)
    return place


def _hold_out(fields: Fields) -> None:
    """Makes a source one to evaluate on."""
    fields["path"] = {"validation": fields["path"]}
    fields.pop("split", None)
    fields.pop("num_samples", None)


def _limited(account: Account, fields: Fields) -> Fields:
    """At most ``max_samples`` rows: of a draw the first ones, which are a smaller draw."""
    limit = account.number("max_samples")
    if limit is None:
        return fields
    if "num_samples" in fields:
        return {**fields, "num_samples": min(limit, fields["num_samples"])}
    return {**fields, "max_rows": limit}


def _split(account: Account) -> None:
    """``split`` of older releases: one name for all sets."""
    if account.get("split", "train") != "train":
        account.refuses("split", "is a key of a set's description now; write it there.")
    account.skips("split", "as it is anyway")


def _mix(account: Account, sources: list[Fields]) -> Fields:
    strategy = str(account.get("mix_strategy", "concat"))
    if strategy not in MIXES:
        account.refuses("mix_strategy", f"no {strategy!r}. Known: {', '.join(MIXES)}.")
        return {}
    if MIXES[strategy] == "concat":
        return {}
    try:
        weights = [float(text) for text in account.names("interleave_probs")]
    except ValueError:
        weights = []
        account.refuses("interleave_probs", "figures with commas between them are needed.")
    if weights and len(weights) != len(sources):
        account.refuses("interleave_probs", "one figure for each data set is needed.")
        return {}
    for part, weight in zip(sources, weights or [1.0] * len(sources), strict=True):
        part["weight"] = weight
    return {"mix": MIXES[strategy]}


def _validation(account: Account, counted: list[Counted]) -> float:
    size = account.number("val_size", 0)
    note = "rows of one request stay on one side here" if size else ""
    account.maps("val_size", "data.validation_fraction", note)
    if size and account.names("eval_dataset"):
        account.refuses("val_size", "goes against eval_dataset; keep one of them.")
    if size < 0:
        account.refuses("val_size", "is a share of the rows, or a number of them; not below 0.")
        return 0.0
    if size >= 1:
        counted.append(Counted("val_size", int(size), "rows", "data.validation_fraction"))
        return 0.0
    return size


def _limit(account: Account) -> int:
    note = "cuts both sides there; here the answer only where its prompt is not enough"
    account.maps("cutoff_len", "data.max_tokens", note)
    if account.get("cutoff_len") is None:
        account.comment("data.max_tokens", f"cutoff_len {note}")
    return account.number("cutoff_len", 2048)
