"""Data of LLaMA-Factory's second command: a YAML list of sets, a file, or a set on the hub.

{"identity": {"path": "data/identity.json", "source": "local", "converter": "alpaca", "size": 500}}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from tunesmith.compat.llamafactory.sources import KINDS
from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.data.records import read_records
from tunesmith.data.source import HUB

FORMATS: dict[str, dict[str, Any]] = {
    "alpaca": {"name": "alpaca", "history_key": None},
    "sharegpt": {
        "name": "sharegpt",
        "roles": {
            "system": "system",
            "human": "user",
            "gpt": "assistant",
            "observation": "tool",
            "function_call": "tool_call",
        },
        "system_key": None,
    },
    "pair": {"name": "preference", "chosen_key": "chosen", "rejected_key": "rejected"},
}
"""``converter`` there -> the format here."""
KNOWN = ("path", "source", "split", "converter", "size", "weight", "streaming")
PAIRS = ("chosen_messages", "rejected_messages")
TEXT = ("text", "reasoning", "tool_call")
"""Kinds of parts of a message that hold text."""


class V1Source(NamedTuple):
    """One entry of ``data.sources``, and whether it holds preferences."""

    fields: dict[str, Any]
    is_ranked: bool


def v1_sources(train_dataset: str, file: Path) -> list[V1Source]:
    """The sets that ``train_dataset`` names.

    Args:
        train_dataset: as there.
        file: the training file; what is not below the current folder is looked for in the folders
            above it.

    Raises:
        DataError: a set lies where it is not fetched, is described in an unknown way, or holds
            more than text; names file, set and key.
    """
    place = _found(train_dataset, file)
    if not train_dataset.endswith(".yaml"):
        described = {"path": train_dataset} | ({"source": "local"} if place.exists() else {})
        return [_source("train_dataset", described, file)]
    if not place.is_file():
        raise DataError(
            f"{train_dataset}: no such file. A list of sets on the hub is fetched with: hf "
            "download OWNER/NAME FILE --repo-type dataset --local-dir data"
        )
    listed = _listed(place)
    return [_source(f"{place}: {name}", entry, file) for name, entry in listed.items()]


def _listed(place: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(place.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{place}: cannot be read ({type(error).__name__}).") from None
    if not isinstance(content, Mapping):
        raise DataError(f"{place}: a list of sets is a mapping of names to descriptions.")
    return cast("Mapping[str, Any]", content)


def _source(origin: str, described: Any, file: Path) -> V1Source:
    if not isinstance(described, Mapping):
        raise DataError(f"{origin}: a description is a mapping of keys, as path.")
    entry = cast("Mapping[str, Any]", described)
    _check(entry, origin)
    converter = entry.get("converter")
    fields = _place(entry, origin, file)
    is_ranked = converter == "pair"
    if converter is not None:
        fields["format"] = dict(FORMATS[str(converter)])
    elif entry.get("source", "hf_hub") == "local":
        is_ranked = _look_at(Path(fields["path"]), origin)
    if (size := entry.get("size")) is not None:
        fields["num_samples"] = int(int(size) * float(entry.get("weight") or 1))
    return V1Source(fields, is_ranked)


def _check(entry: Mapping[str, Any], origin: str) -> None:
    for key in entry:
        if key not in KNOWN:
            raise DataError(f"{origin}: {key}: no such key. {did_you_mean(key, KNOWN)}")
    if not entry.get("path"):
        raise DataError(f"{origin}: says nowhere where the data lies. Add path.")
    if entry.get("streaming"):
        raise DataError(f"{origin}: streaming: rows are read once and kept. Leave it out.")
    if entry.get("weight") and entry.get("size") is None:
        raise DataError(f"{origin}: weight: is a share of the rows. Write their number as size.")
    converter = entry.get("converter")
    if converter is not None and converter not in FORMATS:
        hint = did_you_mean(str(converter), FORMATS)
        raise DataError(f"{origin}: converter: no {converter!r}. {hint}")


def _place(entry: Mapping[str, Any], origin: str, file: Path) -> dict[str, Any]:
    where, path = entry.get("source", "hf_hub"), str(entry["path"])
    split = str(entry.get("split", "train"))
    if where == "hf_hub":
        return {"path": f"{HUB}{path}", "split": split}
    if where != "local":
        raise DataError(f"{origin}: source: no {where!r}. Known: hf_hub, local.")
    if split != "train":
        raise DataError(f"{origin}: split: files of one's own are all training data. Leave it out.")
    place = _found(path, file)
    if place.suffix and place.suffix[1:] not in KINDS:
        raise DataError(f"{origin}: path: {path!r} is of no known kind. Known: {', '.join(KINDS)}.")
    return {"path": str(place)}


def _found(path: str, file: Path) -> Path:
    """The path from here, as there; else from the nearest folder above the file that has it."""
    here = Path(path).expanduser()
    if here.exists() or here.is_absolute():
        return here
    above = (folder / path for folder in file.absolute().parents)
    return next((place for place in above if place.exists()), here)


def _look_at(path: Path, origin: str) -> bool:
    """Whether rows without a converter are preferences, by the first of them.

    Raises:
        DataError: it holds more than text.
    """
    if not path.is_file():
        return False
    first = next(iter(read_records(path)), None)
    record: Mapping[str, Any] = first[1] if isinstance(first, tuple) else {}
    for part in _parts(record):
        if part.get("type", "text") not in TEXT:
            raise DataError(f"{origin}: rows hold parts of type {part['type']!r}: text data only.")
    return all(key in record for key in PAIRS)


def _parts(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of all messages of a record."""
    found: list[dict[str, Any]] = []
    for key in ("messages", *PAIRS):
        for message in cast("list[Any]", record.get(key) or []):
            parts = message.get("content") if isinstance(message, dict) else None
            if isinstance(parts, list):
                found += [part for part in cast("list[Any]", parts) if isinstance(part, dict)]
    return found
