"""Tools: what an assistant may call, its calls and their results, written down as JSON or text.

Templates of plain text share one convention. The opening lists the tools, one JSON object per line.
The assistant calls one with a line of its own, and the result comes back in a turn of its own::

    Tool call: {"name": "weather", "arguments": {"city": "Oslo"}}

    Tool result: 4 °C, rain
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message, ToolCall

Description = dict[str, Any]


def descriptions(tools: str) -> list[Description]:
    """The function descriptions in a JSON list.

    Args:
        tools: a JSON list of objects as text, or nothing.

    Raises:
        TemplateError: it is something else.
    """
    if not tools.strip():
        return []
    try:
        found = json.loads(tools)
    except ValueError as error:
        raise TemplateError(
            f"the list of tools is broken JSON: {error}. Write a JSON list of function "
            "descriptions."
        ) from None
    if not isinstance(found, list) or not all(isinstance(tool, dict) for tool in found):
        raise TemplateError(
            f"the list of tools is not a JSON list of objects: {_shown(tools)}. Write a JSON list "
            "of function descriptions."
        )
    return cast("list[Description]", found)


def function(tool: Description) -> Description:
    """The function itself, out of the wrapper that chat APIs put around it."""
    return tool["function"] if _is_wrapped(tool) else tool


def wrapped(tool: Description) -> Description:
    """The function in the wrapper of chat APIs: ``{"type": "function", "function": ...}``."""
    return tool if _is_wrapped(tool) else {"type": "function", "function": tool}


def arguments(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call.

    Raises:
        TemplateError: they are no JSON object.
    """
    try:
        found = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise TemplateError(
            f"the call of {call.name!r} has arguments that are broken JSON: {error}. Write a JSON "
            "object."
        ) from None
    if not isinstance(found, dict):
        raise TemplateError(
            f"the call of {call.name!r} has arguments that are no JSON object: "
            f"{_shown(call.arguments)}. Write a JSON object, such as {{}}."
        )
    return cast("dict[str, Any]", found)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON in one line (or indented) with letters as they are, as chat templates write it."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        written.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no text file can hold
        return json.dumps(value, indent=indent)
    return written


def call_object(call: ToolCall, *, key: str = "arguments") -> str:
    """A call as one JSON object.

    Args:
        call: its arguments are written anew, so that all calls are spaced alike.
        key: what the template calls the arguments.
    """
    return as_json({"name": call.name, key: arguments(call)})


def turns_of(messages: Sequence[Message]) -> list[list[Message]]:
    """Messages, with the results of several calls in a row taken together."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "tool" and turns and turns[-1][0].role == "tool":
            turns[-1].append(message)
        else:
            turns.append([message])
    return turns


def offer(tools: str) -> str:
    """Plain text that lists the tools and says how to call one; nothing if there are none."""
    listed = descriptions(tools)
    if not listed:
        return ""
    lines = "\n".join(as_json(function(tool)) for tool in listed)
    return (
        f"You can call these tools:\n{lines}\n"
        "To call one, write a line like this:\n"
        'Tool call: {"name": "NAME", "arguments": {"NAME": "VALUE"}}'
    )


def said(message: Message) -> str:
    """Plain text of an assistant's turn: its content, then one line per call."""
    calls = [f"Tool call: {call_object(call)}" for call in message.tool_calls]
    return "\n".join([*([message.content] if message.content or not calls else []), *calls])


def _is_wrapped(tool: Description) -> bool:
    return tool.get("type") == "function" and isinstance(tool.get("function"), dict)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
