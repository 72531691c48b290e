"""Write turns: messages as lists of turns, and what of them is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message
from tunesmith.data.formats.calls import is_spaced_as_json, written_call_text, written_tools
from tunesmith.data.formats.turns import TurnFormat, TurnRole

REFERENCES = "further reference answers"
INPUT = "the input as a field of its own"
NAMES = "the names of speakers"
IDS = "the ids of calls"
WEIGHTS = "the weights of turns"
SPACING = "the spacing of calls' arguments"
CHAT: dict[TurnRole, str] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
TAGGED: dict[TurnRole, str] = {
    "system": "system",
    "user": "human",
    "assistant": "gpt",
    "tool": "observation",
    "tool_call": "function_call",
}


def is_chat(form: TurnFormat) -> bool:
    """Whether turns are written as for a chat API, not as ShareGPT does."""
    return form.role_key == "role"


def write_turns(form: TurnFormat, messages: Sequence[Message], origin: str) -> list[dict[str, Any]]:
    """Messages as a list of turns, in the fields and with the names of a format.

    Raises:
        DataError: the format has no name for a role, or no place for text beside a call.
    """
    write = _chat_turn if is_chat(form) else _tagged_turn
    return [write(form, message, origin) for message in messages]


def lost_of_turns(form: TurnFormat, messages: Sequence[Message]) -> list[str]:
    """What of messages is lost when they are written as turns."""
    lost = {INPUT: any(m.input for m in messages)}
    if not is_chat(form):
        calls = [call for message in messages for call in message.tool_calls]
        lost[NAMES] = any(m.name for m in messages)
        lost[IDS] = any(m.tool_call_id for m in messages) or any(call.id for call in calls)
        lost[WEIGHTS] = any(m.weight is not None for m in messages)
        lost[SPACING] = not all(map(is_spaced_as_json, calls))
    return [what for what, is_lost in lost.items() if is_lost]


def tools_field(form: TurnFormat, tools: str, origin: str) -> dict[str, Any]:
    """The field that lists what may be called, where there is something.

    Raises:
        DataError: the format has no field for it.
    """
    if not tools:
        return {}
    if form.tools_key is None:
        raise DataError(f"{origin}: no place for tools. Set data.format.tools_key.")
    return {form.tools_key: written_tools(tools) if is_chat(form) else tools}


def _tag(form: TurnFormat, role: TurnRole, origin: str) -> str:
    usual: Mapping[TurnRole, str] = CHAT if is_chat(form) else TAGGED
    named = [tag for tag, meant in form.roles.items() if meant == role]
    if usual.get(role) in named:
        return usual[role]
    if not named:
        raise DataError(f"{origin}: data.format.roles has no name for {role!r}. Add one.")
    return named[0]


def _chat_turn(form: TurnFormat, message: Message, origin: str) -> dict[str, Any]:
    turn: dict[str, Any] = {
        form.role_key: _tag(form, message.role, origin),
        form.content_key: message.text,
    }
    if message.name:
        turn["name"] = message.name
    if message.tool_calls:
        turn["tool_calls"] = [
            ({"id": call.id} if call.id else {})
            | {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        turn["tool_call_id"] = message.tool_call_id
    if message.weight is not None:
        turn["weight"] = message.weight
    return turn


def _tagged_turn(form: TurnFormat, message: Message, origin: str) -> dict[str, Any]:
    role, text = message.role, message.text
    if not message.tool_calls:
        return {form.role_key: _tag(form, role, origin), form.content_key: text}
    written = written_call_text(text, message.tool_calls)
    if written is None:
        raise DataError(
            f"{origin}: format {form.name!r} has no place for text beside a call, but for a "
            "<think> block. Write format 'messages'."
        )
    return {form.role_key: _tag(form, "tool_call", origin), form.content_key: written}
