"""Dataset info: describes a written file so that LLaMA-Factory trains on it too.

{"mine": {"file_name": "mine.json", "formatting": "sharegpt",
          "columns": {"messages": "conversations", "tools": "tools"}}}
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.data.format import Format, Record
from tunesmith.data.formats.alpaca import Alpaca
from tunesmith.data.formats.columns import Columns
from tunesmith.data.formats.kto import Kto
from tunesmith.data.formats.messages import ChatMessages
from tunesmith.data.formats.preference import PreferencePairs
from tunesmith.data.formats.sharegpt import ShareGPT
from tunesmith.data.formats.text import PlainText

FILE_NAME = "dataset_info.json"
CHAT_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}
SHAREGPT = {"messages_key": "conversations", "role_key": "from", "content_key": "value"}
FORMATS_THERE = ("alpaca", "columns", "kto", "messages", "preference", "sharegpt", "text")


def layout_there(form: Format) -> Format | None:
    """The format in the layout that LLaMA-Factory reads; None where it reads nothing like it."""
    if isinstance(form, PreferencePairs | Kto):
        return type(form)(**{**form.model_dump(), **SHAREGPT})
    return form if form.name in FORMATS_THERE else None


def entry(form: Format, file_name: str, keys: Collection[str]) -> dict[str, Any]:
    """What ``dataset_info.json`` says of a file.

    Args:
        form: how its records are written, by :func:`layout_there`.
        file_name: of the file, in the folder of ``dataset_info.json``.
        keys: the fields that any of its records has; a column that is named must be there.
    """
    told: dict[str, Any] = {"file_name": file_name}
    match form:
        case Alpaca():
            columns = {
                "prompt": form.instruction_key,
                "query": form.input_key,
                "response": form.output_key,
                "system": form.system_key,
                "history": form.history_key,
            }
        case PlainText():
            columns = {"prompt": form.text_key}
        case Columns():
            columns = {"prompt": form.input_key or "prompt"}
            columns |= {"response": form.output_key or "completion"}
        case PreferencePairs():
            told |= {"formatting": "sharegpt", "ranking": True}
            columns = {"messages": form.messages_key, "tools": form.tools_key}
            columns |= {"chosen": form.chosen_key or "chosen"}
            columns |= {"rejected": form.rejected_key or "rejected"}
        case Kto():
            told |= {"formatting": "sharegpt"}
            columns = {"messages": form.messages_key, "tools": form.tools_key}
            columns |= {"kto_tag": form.label_key or "label"}
        case ChatMessages() | ShareGPT():
            told |= {"formatting": "sharegpt"}
            columns = {"messages": form.messages_key, "tools": form.tools_key}
        case _:
            raise AssertionError(f"{form.name} has no layout there")
    told["columns"] = {name: key for name, key in columns.items() if key in keys}
    return {**told, "tags": CHAT_TAGS} if isinstance(form, ChatMessages) else told


def refusal(form: Format, record: Record) -> str:
    """Why LLaMA-Factory would skip a record or read it wrongly; nothing where it would not."""
    match form:
        case PreferencePairs():
            turns = record[form.messages_key or ""]
            answers = (record[form.chosen_key or "chosen"], record[form.rejected_key or "rejected"])
            if not all(isinstance(answer, dict) for answer in answers):
                return "LLaMA-Factory takes one turn as each answer of a preference"
        case Kto():
            turns = record[form.messages_key or ""]
        case ChatMessages() | ShareGPT():
            turns = record[form.messages_key]
            if any("tool_calls" in turn for turn in turns):
                return "LLaMA-Factory takes calls in ShareGPT's layout only; write --to sharegpt"
        case Columns():
            texts = [value for key, value in record.items() if isinstance(value, str)]
            return "" if len(texts) == len(record) else "LLaMA-Factory takes texts as columns"
        case _:
            return ""
    return _order_there(form, turns)


def _order_there(form: Format, turns: Sequence[Mapping[str, Any]]) -> str:
    """There, requests and results stand at odd places and the model's turns at even ones."""
    role_key: str = cast("Any", form).role_key
    names = [turn[role_key] for turn in turns if turn[role_key] != "system"]
    for place, name in enumerate(names):
        if (name in ("gpt", "assistant", "function_call")) != bool(place % 2):
            return "LLaMA-Factory takes no two turns of one side in a row, such as several results"
    return ""


def require_free(folder: Path, name: str, file_name: str) -> None:
    """Makes sure that no other file is described under a name in ``dataset_info.json``.

    Raises:
        DataError: one is, or ``dataset_info.json`` cannot be read.
    """
    file = folder / FILE_NAME
    known = _known(file).get(name)
    if known is None or (isinstance(known, dict) and known.get("file_name") == file_name):
        return
    raise DataError(
        f"{file}: {name!r} is there already and describes another file than {file_name!r}. Choose "
        "another name, or replace it: --force."
    )


def update(folder: Path, name: str, told: Mapping[str, Any]) -> Path:
    """Adds an entry to the folder's ``dataset_info.json``, or replaces the one of that name.

    Raises:
        DataError: the file is there, and is no JSON object or cannot be written.
    """
    file = folder / FILE_NAME
    known = _known(file)
    draft = file.with_name(file.name + ".part")
    try:
        draft.write_text(
            json.dumps({**known, name: told}, ensure_ascii=False, indent=2) + "\n", "utf-8"
        )
        draft.replace(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({error.strerror}).") from None
    return file


def _known(file: Path) -> dict[str, Any]:
    """The entries that are there."""
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}). Mend it, or take it away.") from None
    if not isinstance(known, dict):
        raise DataError(f"{file}: no JSON object. Mend it, or take it away.")
    return cast("dict[str, Any]", known)
