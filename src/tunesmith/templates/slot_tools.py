"""How templates made of slots write tools and calls: as LLaMA-Factory does it.

A text is a row of stretches, since the template's own words may hold special tokens and what users
wrote may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import ToolCall
from tunesmith.templates.tools import (
    Description,
    arguments,
    as_json,
    call_object,
    descriptions,
    function,
    wrapped,
)

Words = list[tuple[bool, str]]
"""Stretches of one text, and whether they are the template's own words."""


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One way of writing tools and calls."""

    offer_all: Callable[[list[Description]], Words]
    calls: Callable[[Sequence[ToolCall]], Words]
    """What the assistant writes to make calls."""

    def offer(self, tools: str) -> Words:
        """The list of tools behind the system text; nothing where there are no tools."""
        listed = descriptions(tools)
        return self.offer_all(listed) if listed else []


def _offer_in_words(tools: list[Description]) -> Words:
    """Names, descriptions and arguments as an indented list."""
    named = [function(tool) for tool in tools]
    written = "".join(_in_words(tool) for tool in named)
    names = ", ".join(str(tool.get("name", "")) for tool in named)
    return [
        (True, "You have access to the following tools:\n"),
        (False, written),
        (True, "Use the following format if using a tool:\n```\nAction: tool name (one of ["),
        (False, names),
        (
            True,
            "])\nAction Input: the input to the tool, in a JSON format representing the kwargs "
            '(e.g. ```{"input": "hello world", "num_beams": 5}```)\n```\n',
        ),
    ]


def _in_words(tool: Description) -> str:
    try:
        parameters = tool["parameters"]
        required = parameters.get("required", [])
        lines = "".join(
            _parameter(name, field, name in required)
            for name, field in parameters["properties"].items()
        )
        return (
            f"> Tool Name: {tool['name']}\nTool Description: {tool.get('description', '')}\n"
            f"Tool Args:\n{lines}\n"
        )
    except (KeyError, AttributeError, TypeError):
        raise TemplateError(
            f"the description of the tool {tool.get('name')!r} has no object of 'properties' under "
            "'parameters', which this template lists. Add one, or choose another template."
        ) from None


def _parameter(name: str, field: dict[str, Any], is_required: bool) -> str:
    kind = field.get("type", "")
    required = ", required" if is_required else ""
    choices = cast("list[object]", field.get("enum") or [])
    one_of = f", should be one of [{', '.join(map(str, choices))}]" if choices else ""
    items = field.get("items")
    each = f", where each item should be {items.get('type', '')}" if items else ""
    described = field.get("description", "")
    return f"  - {name} ({kind}{required}): {described}{one_of}{each}\n"


def _call_in_words(calls: Sequence[ToolCall]) -> Words:
    lines = [f"Action: {c.name}\nAction Input: {as_json(arguments(c))}" for c in calls]
    return [(False, "\n".join(lines))]


def _offer_llama3(tools: list[Description]) -> Words:
    listed = "".join(as_json(wrapped(tool), indent=4) + "\n\n" for tool in tools)
    opening = (
        f"Cutting Knowledge Date: December 2023\nToday Date: {TODAY}\n\nYou have access to the "
        "following functions. To call a function, please respond with JSON for a function call. "
        'Respond in the format {"name": function name, "parameters": dictionary of argument name '
        "and its value}. Do not use variables.\n\n"
    )
    return [(True, opening), (False, listed)]


def _call_llama3(calls: Sequence[ToolCall]) -> Words:
    found = [call_object(call, key="parameters") for call in calls]
    return [(False, found[0] if len(found) == 1 else f"[{', '.join(found)}]")]


def _offer_qwen(tools: list[Description]) -> Words:
    return [(True, "\n\n"), *_offer_qwen_plain([wrapped(tool) for tool in tools])]


def _offer_qwen_plain(tools: list[Description]) -> Words:
    """The descriptions as they are given, wrapped or not."""
    opening = (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
    )
    manner = (
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )
    listed = "".join(f"\n{as_json(tool)}" for tool in tools)
    return [(True, opening), (False, listed), (True, manner)]


def _call_qwen(calls: Sequence[ToolCall]) -> Words:
    words: Words = []
    for call in calls:
        words.append((True, "\n<tool_call>\n" if words else "<tool_call>\n"))
        words += [(False, call_object(call)), (True, "\n</tool_call>")]
    return words


def _offer_mistral(tools: list[Description]) -> Words:
    listed = as_json([wrapped(tool) for tool in tools])
    return [(True, "[AVAILABLE_TOOLS] "), (False, listed), (True, "[/AVAILABLE_TOOLS]")]


def _call_mistral(calls: Sequence[ToolCall]) -> Words:
    return [(False, f"[{', '.join(call_object(call) for call in calls)}]")]


def _offer_glm4(tools: list[Description]) -> Words:
    words: Words = [
        (
            True,
            "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱 AI 公司训练的语言模型 GLM-4 "
            "模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具",
        )
    ]
    for tool in map(function, tools):
        listed = f"{tool.get('name', '')}\n\n{as_json(tool, indent=4)}"
        manner = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
        words += [(True, "\n\n## "), (False, listed), (True, manner)]
    return words


def _call_glm4(calls: Sequence[ToolCall]) -> Words:
    if len(calls) > 1:
        raise TemplateError(
            "this template writes one call in a turn, and there are "
            f"{len(calls)}. Make a turn of each, or choose another template."
        )
    return [(False, f"{calls[0].name}\n{as_json(arguments(calls[0]))}")]


def _offer_phi4_mini(tools: list[Description]) -> Words:
    return [(True, "<|tool|>"), (False, as_json(tools)), (True, "<|/tool|>")]


TODAY = "26 Jul 2024"
"""LLaMA-Factory writes the day on which the data is prepared, so prompts change overnight; this is
the date that Meta's own chat template falls back to."""
DEFAULT = ToolFormat(_offer_in_words, _call_in_words)
LLAMA3 = ToolFormat(_offer_llama3, _call_llama3)
QWEN = ToolFormat(_offer_qwen, _call_qwen)
QWEN_PLAIN = ToolFormat(_offer_qwen_plain, _call_qwen)
MISTRAL = ToolFormat(_offer_mistral, _call_mistral)
GLM4 = ToolFormat(_offer_glm4, _call_glm4)
PHI4_MINI = ToolFormat(_offer_phi4_mini, _call_in_words)
