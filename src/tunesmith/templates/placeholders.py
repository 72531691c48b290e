"""Placeholders: what users wrote is replaced by marks, so that a template's own words stand out.

A chat template is asked to write marks in place of contents, arguments and the like. What it writes
around them is its own; what the real texts became is then found by comparing with what it writes
for the messages themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from tunesmith.core.examples import Message, ToolCall
from tunesmith.templates.chat_template import Turn
from tunesmith.templates.tools import arguments

MARK = re.compile("\ue000(\\d+)\ue001")
PLAIN = re.compile(r"[\w .,:;'()-]*")
"""Texts that cannot be taken for a special token; they may stay, since templates compare them."""
SCHEMA = frozenset(
    ("type", "function", "name", "description", "parameters", "properties", "required", "items")
    + ("enum", "object", "string", "number", "integer", "boolean", "array", "null")
)
"""Words of JSON Schema, which templates look up and compare in the description of a tool."""
ArgumentsAs = Literal["objects", "texts"]


@dataclass(frozen=True, slots=True)
class Chat:
    """What a chat template is given."""

    messages: list[Turn]
    tools: list[dict[str, Any]] | None


@dataclass(slots=True)
class Marked:
    """A chat with marks in place of texts."""

    chat: Chat
    texts: list[str] = field(default_factory=list[str])
    """What each mark stands for; the mark's number is the place in this list."""
    owners: list[int] = field(default_factory=list[int])
    """The message each text must be written for, or -1 where it may be left out."""


def chat_of(
    messages: Sequence[Message], tools: list[dict[str, Any]], arguments_as: ArgumentsAs
) -> Chat:
    """Messages and tools in the shape of chat APIs.

    Args:
        messages: in order.
        tools: function descriptions; none: the template is told that there are none.
        arguments_as: what the arguments of calls are given as.

    Raises:
        TemplateError: the arguments of a call are no JSON object.
    """
    return Chat([_turn(message, arguments_as) for message in messages], tools or None)


def marked(chat: Chat, special_tokens: Sequence[str]) -> Marked:
    """Puts marks in place of texts.

    Contents are always marked. Names, keys and values of tools and calls are marked where they
    could be taken for a special token, or for a part of one.
    """
    found = Marked(Chat([], None))

    def mark(text: str, owner: int) -> str:
        found.texts.append(text)
        found.owners.append(owner)
        return f"\ue000{len(found.texts) - 1}\ue001"

    def mark_within(value: Any, owner: int) -> Any:
        if isinstance(value, str):
            return value if _may_stay(value, special_tokens) else mark(value, owner)
        if isinstance(value, list):
            return [mark_within(item, owner) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            items = cast("dict[str, Any]", value).items()
            return {mark_within(k, owner): mark_within(v, owner) for k, v in items}
        return value

    def mark_call(call: Turn, owner: int) -> Turn:
        function = {key: mark_within(value, owner) for key, value in call["function"].items()}
        identity = {"id": mark_within(call["id"], -1)} if "id" in call else {}
        return {**identity, "type": call["type"], "function": function}

    # The tools come first, so that their marks are the same however many messages follow.
    tools = cast("list[dict[str, Any]] | None", mark_within(chat.tools, -1))
    messages: list[Turn] = []
    for place, turn in enumerate(chat.messages):
        shape: Turn = {"role": turn["role"]}
        is_bare = not turn["content"] and "tool_calls" in turn
        shape["content"] = "" if is_bare else mark(turn["content"], place)
        if "tool_calls" in turn:
            shape["tool_calls"] = [mark_call(call, place) for call in turn["tool_calls"]]
        for key in [key for key in turn if key not in shape]:
            shape[key] = mark_within(turn[key], -1)
        messages.append(shape)
    found.chat = Chat(messages, tools)
    return found


def fitted(laid_out: str, texts: Sequence[str], real: str) -> list[str] | None:
    """What stands in the real text where each mark stands in the laid-out one, in order.

    Args:
        laid_out: what the template writes for marks.
        texts: what the marks stand for.
        real: what the template writes for the texts themselves.

    Returns:
        One text per mark in ``laid_out``: as it was, without the space around it, or escaped for
        JSON; None where the real text is not made of these.
    """
    parts = MARK.split(laid_out)
    if not real.startswith(parts[0]):
        return None
    # Every position that a mark could begin at, with the position and the text that led there.
    reached: list[dict[int, tuple[int, str]]] = [{len(parts[0]): (0, "")}]
    for number, words in zip(parts[1::2], parts[2::2], strict=True):
        ahead: dict[int, tuple[int, str]] = {}
        for start in reached[-1]:
            for form in _forms(texts[int(number)]):
                if real.startswith(form + words, start):
                    ahead.setdefault(start + len(form) + len(words), (start, form))
        reached.append(ahead)
    position, found = len(real), list[str]()
    for ahead in reached[:0:-1]:
        if position not in ahead:
            return None
        position, form = ahead[position]
        found.append(form)
    return found[::-1] if position == len(parts[0]) else None


def _forms(text: str) -> dict[str, None]:
    shapes = (text, text.strip())
    return dict.fromkeys([*shapes, *(json.dumps(s, ensure_ascii=False)[1:-1] for s in shapes)])


def _may_stay(text: str, special_tokens: Sequence[str]) -> bool:
    if not text or text in SCHEMA:
        return True
    return PLAIN.fullmatch(text) is not None and not any(
        text in t or t in text for t in special_tokens
    )


def _turn(message: Message, arguments_as: ArgumentsAs) -> Turn:
    turn: Turn = {"role": message.role, "content": message.text}
    if message.tool_calls:
        turn["tool_calls"] = [_call(call, arguments_as) for call in message.tool_calls]
    if message.name:
        turn["name"] = message.name
    if message.tool_call_id:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def _call(call: ToolCall, arguments_as: ArgumentsAs) -> Turn:
    given = arguments(call)
    written = given if arguments_as == "objects" else call.arguments or "{}"
    function = {"name": call.name, "arguments": written}
    identity = {"id": call.id} if call.id else {}
    return {**identity, "type": "function", "function": function}
