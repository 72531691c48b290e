"""Sources: a described data set -> where it is read from, and the format of its records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tunesmith.compat.llamafactory.dataset_info import DatasetInfo
from tunesmith.core.errors import DataError
from tunesmith.data.source import find_files

KINDS = {"json": "json", "jsonl": "json", "csv": "csv", "parquet": "parquet", "arrow": "arrow"}
KINDS["txt"] = "text"
"""Endings of data files there, and what they are; one folder holds one kind."""

FAR_AWAY = {
    "ms_hub_url": "lies on ModelScope. Get a copy with: modelscope download --dataset {address} "
    "--local_dir {name}",
    "om_hub_url": "lies on the OpenMind hub. Get a copy with its own client",
    "cloud_file_name": "lies in a cloud store. Get a copy with its own client",
    "script_url": "is read by a script, and no script from elsewhere is ever run here. Run it "
    "once and save the rows as JSON lines",
}
"""Where a data set lies that is not fetched, and how to get it."""

OPENAI = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
}
MEDIA = ("images", "videos", "audios")
Part = dict[str, Any]


def source(info: DatasetInfo, folder: str, stage: str) -> Part:
    """One entry of the recipe's ``data.sources``.

    Args:
        info: the description.
        folder: where files lie.
        stage: what the data is for, as ``stage`` there names it.

    Raises:
        DataError: it lies where it cannot be reached, holds more than text, or is not for this
            stage; names the description and the key.
    """
    for medium in MEDIA:
        if info.columns[medium]:
            raise DataError(f"{info.origin}: columns.{medium}: text data only.")
    found = _place(info, folder)
    fields: Part = {**found, "format": record_format(info, stage)}
    if found["path"].endswith(".txt") and stage == "pt":
        fields["format"]["unit"] = "line"
    if info.num_samples is not None:
        fields["num_samples"] = info.num_samples
    return fields


def _place(info: DatasetInfo, folder: str) -> Part:
    if info.place in FAR_AWAY:
        how = FAR_AWAY[info.place].format(address=info.address, name=info.name)
        raise DataError(
            f"{info.origin}: {info.place}: {info.address!r} {how}, and put file_name in its place."
        )
    if re.search(r"[\[\]+]", info.split):
        raise DataError(
            f"{info.origin}: split: {info.split!r} is a part or a sum of splits. Name one split, "
            "and take the first rows with max_samples, or some of them with num_samples."
        )
    if info.place == "hf_hub_url":
        if info.folder is not None:
            raise DataError(
                f"{info.origin}: folder: {info.folder!r} is one folder of the data set "
                f"{info.address!r} on the hub. Get a copy with: hf download {info.address} "
                f"--repo-type dataset --include '{info.folder}/*' --local-dir {info.name}, and "
                "put file_name in its place."
            )
        subset = f"/{info.subset}" if info.subset else ""
        return {"path": f"hf:{info.address}{subset}", "split": info.split}
    if info.split != "train":
        raise DataError(
            f"{info.origin}: split: files of one's own are all training data, so there is no "
            f"{info.split!r}. Leave split out."
        )
    path = Path(folder).expanduser() / info.address
    if path.is_dir():
        _check_folder(path, info)
    elif path.suffix and path.suffix[1:] not in KINDS:
        raise DataError(
            f"{info.origin}: file_name: {info.address!r} is of no known kind. Known: "
            f"{', '.join(KINDS)}."
        )
    return {"path": str(path)}


def _check_folder(path: Path, info: DatasetInfo) -> None:
    """One kind of files, and none that we would take for held-out rows."""
    files = [f for f in path.iterdir() if f.is_file() and not f.name.startswith(".")]
    kinds = {KINDS.get(file.suffix[1:], file.suffix) for file in files}
    if len(kinds) != 1:
        held = ", ".join(sorted(kinds)) or "no"
        raise DataError(
            f"{info.origin}: file_name: the folder {path} holds {held} files. Keep files of one "
            "kind in it."
        )
    if set(find_files(str(path))) != {"train"}:
        raise DataError(
            f"{info.origin}: file_name: the name of a file in {path} says that it is held out "
            "(valid, dev, test), and LLaMA-Factory would train on it. Rename it, or move it away."
        )


def record_format(info: DatasetInfo, stage: str) -> Part:
    """The explicit format part of a description's records, for a stage."""
    ranked = stage == "dpo"
    if info.ranking != ranked:
        wanted = "only with stage: dpo" if info.ranking else "not with stage: dpo"
        raise DataError(
            f"{info.origin}: ranking: {str(info.ranking).lower()}, so it is for use {wanted}."
        )
    if stage == "kto":
        return _kto(info)
    if info.columns["kto_tag"]:
        raise DataError(f"{info.origin}: columns.kto_tag: such rows are for stage: kto.")
    if stage == "pt":
        return _text(info)
    if ranked:
        return _preference(info)
    return _alpaca(info) if info.formatting == "alpaca" else _dialogue(info)


def _need(info: DatasetInfo, *columns: str) -> list[str]:
    """Columns that must have a name.

    Raises:
        DataError: one has none.
    """
    for column in columns:
        if info.columns[column] is None:
            raise DataError(
                f"{info.origin}: columns.{column}: is needed here. Where columns is given, what it "
                "leaves out is null."
            )
    return [str(info.columns[column]) for column in columns]


def _alpaca(info: DatasetInfo) -> Part:
    if info.columns["tools"]:
        raise DataError(
            f"{info.origin}: columns.tools: instructions have no place for tools here. Write the "
            "rows as dialogues, with formatting: sharegpt."
        )
    if info.columns["response"] is None:
        raise DataError(
            f"{info.origin}: columns.response: is null, so rows have no answer to learn. Such "
            "text is for stage: pt."
        )
    prompt, response = _need(info, "prompt", "response")
    return {
        "name": "alpaca",
        "instruction_key": prompt,
        "input_key": info.columns["query"],
        "output_key": response,
        "system_key": info.columns["system"],
        "history_key": info.columns["history"],
    }


def _text(info: DatasetInfo) -> Part:
    if info.formatting != "alpaca" or info.columns["query"]:
        raise DataError(
            f"{info.origin}: for stage: pt one column holds the text. Describe it with "
            '"columns": {"prompt": "text"}.'
        )
    (prompt,) = _need(info, "prompt")
    return {"name": "text", "text_key": prompt}


def _turns(info: DatasetInfo) -> Part:
    """How turns name who speaks and what is said."""
    for tag in ("role_tag", "content_tag", "user_tag", "assistant_tag"):
        if info.tags[tag] is None:
            raise DataError(
                f"{info.origin}: tags.{tag}: is needed. Where tags is given, what it leaves out is "
                "null."
            )
    roles = {
        info.tags["system_tag"]: "system",
        info.tags["user_tag"]: "user",
        info.tags["assistant_tag"]: "assistant",
        info.tags["observation_tag"]: "tool",
        info.tags["function_tag"]: "tool_call",
    }
    return {
        "role_key": info.tags["role_tag"],
        "content_key": info.tags["content_tag"],
        "roles": {tag: role for tag, role in roles.items() if tag is not None},
    }


def _dialogue(info: DatasetInfo) -> Part:
    (messages,) = _need(info, "messages")
    if info.formatting == "openai" and _speaks_openai(info):
        return {"name": "messages", "messages_key": messages, **_beside(info)}
    return {"name": "sharegpt", "messages_key": messages, **_turns(info), **_beside(info)}


def _beside(info: DatasetInfo, *columns: str) -> Part:
    """Columns beside the turns or the request; null: not read, also where records have one."""
    keys = {"system": "system_key", "tools": "tools_key", "query": "input_key"}
    keys["history"] = "history_key"
    return {keys[column]: info.columns[column] for column in ("system", "tools", *columns)}


def _speaks_openai(info: DatasetInfo) -> bool:
    """Whether turns are as chat APIs write them, also where no tags are given."""
    return not info.has_own_tags or all(info.tags[tag] == word for tag, word in OPENAI.items())


def _preference(info: DatasetInfo) -> Part:
    chosen, rejected = _need(info, "chosen", "rejected")
    answers = {"chosen_key": chosen, "rejected_key": rejected}
    if info.formatting == "alpaca":
        (prompt,) = _need(info, "prompt")
        return {
            "name": "preference",
            "prompt_key": prompt,
            **answers,
            **_beside(info, "query", "history"),
        }
    (messages,) = _need(info, "messages")
    return {
        "name": "preference",
        "messages_key": messages,
        **answers,
        **_turns(info),
        **_beside(info),
    }


def _kto(info: DatasetInfo) -> Part:
    (label,) = _need(info, "kto_tag")
    if info.formatting == "alpaca":
        prompt, response = _need(info, "prompt", "response")
        return {
            "name": "kto",
            "prompt_key": prompt,
            "completion_key": response,
            "label_key": label,
            **_beside(info, "query", "history"),
        }
    (messages,) = _need(info, "messages")
    return {
        "name": "kto",
        "messages_key": messages,
        "label_key": label,
        **_turns(info),
        **_beside(info),
    }
