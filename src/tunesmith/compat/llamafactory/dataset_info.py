"""dataset_info.json: {"mine": {"file_name": "mine.json", "columns": {"prompt": "q", ...}}}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tunesmith.core.errors import DataError, did_you_mean

FILE = "dataset_info.json"
REMOTE = "REMOTE:"
"""Before the name of a data set on the hub that holds the descriptions."""
COLUMNS = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "messages": "conversations",
    **dict.fromkeys(
        ("history", "system", "tools", "images", "videos", "audios", "chosen", "rejected")
    ),
    "kto_tag": None,
}
"""Columns and their defaults; where ``columns`` is given, all that it leaves out are null."""
TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
"""Tags and their defaults; where ``tags`` is given, all that it leaves out are null."""
HUBS = ("hf_hub_url", "ms_hub_url", "om_hub_url")
PLACES = (*HUBS, "script_url", "cloud_file_name", "file_name")
"""Where a data set lies; the first of them that is given holds."""
SETTINGS = {
    "formatting": "alpaca",
    "ranking": False,
    "subset": None,
    "split": "train",
    "folder": None,
    "num_samples": None,
}
IGNORED = ("file_sha1", "columns", "tags")
FORMATTINGS = ("alpaca", "sharegpt", "openai")


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One data set as it is described, every default filled in."""

    name: str
    origin: str
    """The description's place: file and name."""
    place: str
    """Which of :data:`PLACES` holds."""
    address: str
    columns: Mapping[str, str | None]
    tags: Mapping[str, str | None]
    has_own_tags: bool
    formatting: str
    ranking: bool
    subset: str | None
    split: str
    folder: str | None
    num_samples: int | None


def read_dataset_info(
    names: list[str], dataset_dir: str | Mapping[str, Any]
) -> tuple[list[DatasetInfo], str]:
    """Finds data sets by their names.

    Args:
        names: as in ``dataset``.
        dataset_dir: a folder with ``dataset_info.json``; ``ONLINE``: names are addresses on the
            hub; or the descriptions themselves.

    Returns:
        The descriptions in order, and the folder that their files lie in.

    Raises:
        DataError: the file is missing or broken, or does not know a name; names file and key.
    """
    if isinstance(dataset_dir, Mapping):
        return [_described(name, dataset_dir, "dataset_dir") for name in names], "."
    if dataset_dir == "ONLINE":
        return [_info(name, {"hf_hub_url": name}, f"dataset: {name}") for name in names], "."
    if dataset_dir.startswith(REMOTE):
        repo = dataset_dir.removeprefix(REMOTE)
        raise DataError(
            f"dataset_dir: the descriptions lie at https://huggingface.co/datasets/{repo}. Get a "
            f"copy with: hf download {repo} --repo-type dataset --local-dir data, and write "
            "dataset_dir: data."
        )
    file = Path(dataset_dir).expanduser() / FILE
    descriptions = _load(file)
    return [_described(name, descriptions, str(file)) for name in names], dataset_dir


def _load(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DataError(
            f"{file}: no such file, so no data set has a description. Go to the folder that holds "
            "data/, or name the folder of the data with dataset_dir=..."
        ) from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}).") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{file}:{error.lineno}: broken JSON: {error.msg} at column {error.colno}."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: byte {error.start} is not UTF-8. Save it as UTF-8.") from None
    if not isinstance(content, dict):
        raise DataError(f"{file}: descriptions of data sets by name are needed, a JSON object.")
    return cast("dict[str, Any]", content)


def _described(name: str, descriptions: Mapping[str, Any], file: str) -> DatasetInfo:
    if name not in descriptions:
        hint = did_you_mean(name, descriptions)
        raise DataError(
            f"{file}: describes no data set {name!r}. {hint if len(hint) < 500 else _near(hint)}"
        )
    description = descriptions[name]
    if not isinstance(description, Mapping):
        raise DataError(f"{file}: {name}: a description is a mapping of keys, as file_name.")
    return _info(name, cast("Mapping[str, Any]", description), f"{file}: {name}")


def _near(hint: str) -> str:
    start = hint.partition(" Known: ")[0]
    return start if start.startswith("Did") else "Look it up in the file."


def _info(name: str, description: Mapping[str, Any], origin: str) -> DatasetInfo:
    _check_keys(description, (*PLACES, *SETTINGS, *IGNORED), origin, "")
    place = next((key for key in PLACES if description.get(key)), None)
    if place is None:
        raise DataError(f"{origin}: says nowhere where the data lies. Add file_name.")
    columns = _filled(description, "columns", COLUMNS, origin)
    tags = _filled(description, "tags", TAGS, origin)
    settings = {key: description.get(key, default) for key, default in SETTINGS.items()}
    if settings["formatting"] not in FORMATTINGS:
        hint = did_you_mean(str(settings["formatting"]), FORMATTINGS)
        raise DataError(f"{origin}: formatting: no {settings['formatting']!r}. {hint}")
    return DatasetInfo(
        name=name,
        origin=origin,
        place=place,
        address=str(description[place]),
        columns=columns,
        tags=tags,
        has_own_tags="tags" in description,
        **cast("dict[str, Any]", settings),
    )


def _filled(
    description: Mapping[str, Any], group: str, defaults: Mapping[str, str | None], origin: str
) -> dict[str, str | None]:
    if group not in description:
        return dict(defaults)
    given = description[group]
    if not isinstance(given, Mapping):
        raise DataError(f"{origin}: {group} is a mapping of names.")
    found = cast("Mapping[str, Any]", given)
    _check_keys(found, tuple(defaults), origin, f"{group}.")
    return {key: None if found.get(key) is None else str(found[key]) for key in defaults}


def _check_keys(given: Mapping[str, Any], known: tuple[str, ...], origin: str, prefix: str) -> None:
    for key in given:
        if key not in known:
            raise DataError(f"{origin}: {prefix}{key}: no such key. {did_you_mean(key, known)}")
