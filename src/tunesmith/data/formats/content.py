"""Content: what one turn says, as a text or as a list of parts.

[{"type": "reasoning", "value": "They greet."}, {"type": "text", "text": "Hello!"}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import ToolCall
from tunesmith.data.format import Record
from tunesmith.data.formats.calls import from_json, read_calls

MEDIA = ("image", "images", "video", "videos", "audio", "audios")


def refuse_media(record: Record, origin: str) -> None:
    """Refuses a record that names pictures, films or sounds beside its text.

    Raises:
        DataError: it does.
    """
    for key in MEDIA:
        if record.get(key):
            raise DataError(
                f"{origin}: {key!r} names media, and only text is read here. Take the record out, "
                "or have it left out and counted with data.bad_rows=reject."
            )


def thought(text: str) -> str:
    """Reasoning as it stands before an answer."""
    return f"<think>\n{text}\n</think>\n\n"


def read_content(value: Any, origin: str) -> tuple[str, tuple[ToolCall, ...]]:
    """The text of a turn as it is written, and the calls among its parts.

    Args:
        value: a text, a list of parts, or nothing.
        origin: the record's place and the turn, for the message.

    Raises:
        DataError: it is something else, or a part is no text.
    """
    if value is None or isinstance(value, str):
        return value or "", ()
    if not isinstance(value, list):
        raise DataError(f"{origin} holds {type(value).__name__}, and text is needed.")
    texts: list[str] = []
    calls: list[ToolCall] = []
    for part in cast("list[Any]", value):
        if isinstance(part, str):
            texts.append(part)
            continue
        kind, held = _part(part, origin)
        if kind == "tool_call":
            calls += _call(held, origin)
        elif calls:
            raise DataError(f"{origin} has text behind a call. Put the calls last.")
        else:
            texts.append(PARTS[kind](held))
    return "".join(texts), tuple(calls)


PARTS: dict[str, Callable[[str], str]] = {"text": str, "reasoning": thought}
"""Types of parts that are text, and how they are written."""


def _part(part: Any, origin: str) -> tuple[str, str]:
    if not isinstance(part, Mapping):
        raise DataError(f"{origin} has a part that is no object with a type.")
    fields = cast("Record", part)
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in (*PARTS, "tool_call"):
        raise DataError(
            f"{origin} has a part of type {kind!r}, and only text is read here. Take the record "
            "out, or have it left out and counted with data.bad_rows=reject."
        )
    held = fields.get("text") if "text" in fields else fields.get("value")
    if not isinstance(held, str):
        raise DataError(f"{origin} has a part of type {kind!r} that holds no text.")
    return kind, held


def _call(text: str, origin: str) -> tuple[ToolCall, ...]:
    try:
        return read_calls(from_json(text), origin)
    except ValueError as error:
        raise DataError(f"{origin} has a call that is broken JSON: {error}.") from None
