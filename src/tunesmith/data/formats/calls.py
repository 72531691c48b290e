"""Calls: what an assistant may call and what it calls, read from JSON and written as such."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import ToolCall

THOUGHT = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)


def as_json(value: Any) -> str:
    """A value as JSON text with its characters as they are.

    Raises:
        ValueError: it is nested too deep.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # half a character, which only an escape can hold
        return json.dumps(value)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return text


def from_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is none, is nested too deep, or holds a number too long to read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_tools(value: Any, origin: str, key: str) -> str:
    """What may be called, as JSON text; a text is kept as it is written, an empty list is nothing.

    Args:
        value: a list of descriptions, such a list as JSON text, or nothing.
        origin: the record's place, for the message.
        key: name of the field, for the message.

    Raises:
        DataError: it is no JSON list.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    try:
        found, text = _parsed(value)
    except ValueError as error:
        raise DataError(f"{origin}: {key!r} holds broken JSON: {error}.") from None
    if not isinstance(found, list):
        raise DataError(
            f"{origin}: {key!r} holds {type(found).__name__}, and a list of function "
            "descriptions is needed."
        )
    return text if found else ""


def _parsed(value: Any) -> tuple[Any, str]:
    """A value and its JSON text, whichever of the two is given."""
    return (from_json(value), value) if isinstance(value, str) else (value, as_json(value))


def written_tools(tools: str) -> Any:
    """What may be called, as a list where that gives the same text back, else as text."""
    found = from_json(tools)
    return found if as_json(found) == tools else tools


def read_call(value: Any, origin: str) -> ToolCall:
    """One call: ``{"name", "arguments"}``, or that under ``function`` with an ``id`` beside it.

    Raises:
        DataError: it names no function, or its arguments are no JSON object.
    """
    if not isinstance(value, Mapping):
        raise DataError(f"{origin}: a call is not an object with name and arguments.")
    call = cast("Mapping[str, Any]", value)
    inner = call.get("function")
    function = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else call
    name, call_id = function.get("name"), call.get("id")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{origin}: a call names no function; it has {sorted(function)}.")
    if not isinstance(call_id, str | None):
        raise DataError(f"{origin}: the id of the call of {name!r} is no text.")
    return ToolCall(name, _arguments(function.get("arguments"), name, origin), call_id or "")


def _arguments(value: Any, name: str, origin: str) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        return "{}"
    try:
        found, text = _parsed(value)
    except ValueError as error:
        raise DataError(
            f"{origin}: the arguments of the call of {name!r} are broken JSON: {error}."
        ) from None
    if not isinstance(found, dict):
        raise DataError(
            f"{origin}: the arguments of the call of {name!r} are {type(found).__name__}, and a "
            "JSON object is needed."
        )
    return text


def read_calls(value: Any, origin: str) -> tuple[ToolCall, ...]:
    """A list of calls, one call, or nothing.

    Raises:
        DataError: one of them is no call.
    """
    if value is None:
        return ()
    calls = cast("list[Any]", value) if isinstance(value, list) else [value]
    return tuple(read_call(call, origin) for call in calls)


def read_call_text(text: str, origin: str) -> tuple[str, tuple[ToolCall, ...]]:
    """A turn whose text is its calls as JSON; a ``<think>`` block may stand before them.

    Returns:
        The block as it is written, or nothing, and the calls.

    Raises:
        DataError: what stands behind the block is no JSON, or no call.
    """
    thought = THOUGHT.match(text)
    start = thought.end() if thought else 0
    try:
        value = from_json(text[start:])
    except ValueError as error:
        raise DataError(f"{origin}: a call is broken JSON: {error}.") from None
    calls = read_calls(value, origin)
    if not calls:
        raise DataError(f"{origin}: a turn of calls holds none.")
    return text[:start], calls


def written_call_text(content: str, calls: tuple[ToolCall, ...]) -> str | None:
    """Calls as the text of a turn; None where the content beside them has no place there."""
    thought = THOUGHT.match(content)
    if content and (thought is None or thought.end() != len(content)):
        return None
    records = [{"name": call.name, "arguments": from_json(call.arguments)} for call in calls]
    return content + as_json(records[0] if len(records) == 1 else records)


def is_spaced_as_json(call: ToolCall) -> bool:
    """Whether the arguments survive being read and written as JSON."""
    return as_json(from_json(call.arguments)) == call.arguments
