"""Parse reply: what a teacher wrote -> the items it was asked for, and what is wrong with it."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tunesmith.core.surrogates import mended
from tunesmith.synthesize.lenient_json import Cut, Malformed, read_value

T = TypeVar("T", bound=BaseModel)
LONGEST = 200_000
"""Characters; a longer reply is not looked at."""
MOST_STARTS = 1000
MOST_BROKEN = 30
"""Brackets that are tried, and how many of them may lead nowhere: no reply takes for ever."""
START = re.compile(r"[{｛\[［]")
THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
PLAUSIBLE = re.compile(r"[{｛]\s*(?:[\"'“‘「＂]|\w+\s*[:：])|[\[［]\s*[{｛\"“]")
FENCE = re.compile(r"\A\s*```\w*\s*(.*?)\s*```\s*\Z", re.DOTALL)
REFUSAL = re.compile(
    r"\b(?:I(?:'|’)m sorry|I am sorry|I apologi[sz]e|I can(?:'|’)?t|I cannot|I(?:'|’)m unable|"
    r"I am unable|I won(?:'|’)t|as an AI)\b|抱歉|对不起|我无法|我不能|无法协助|不便回答",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """What a reply holds."""

    values: tuple[T, ...]
    """Items in good order."""
    problems: tuple[str, ...] = ()
    """What is wrong, one sentence each."""
    is_cut: bool = False
    """The end is missing. The items before it are whole, but the reply is not."""
    is_refusal: bool = False
    """There is nothing but a refusal in words."""

    @property
    def is_complete(self) -> bool:
        """Whether all of it can be taken; an empty list that was meant as one is complete."""
        return not (self.problems or self.is_cut or self.is_refusal)


def parse_reply(text: str, shape: type[T], *, finish_reason: str = "stop") -> Parsed[T]:
    """Reads the items of a reply.

    They may stand alone, in a list, in an object around a list, or one to a line; with prose or a
    fence around them.

    Args:
        text: as the model wrote it.
        shape: of one item. Types are not converted; further fields are left out.
        finish_reason: why the model ended; after ``length`` a reply is never complete.
    """
    if len(text) > LONGEST:
        return Parsed((), (f"the reply is longer than {LONGEST:,} characters",))
    found, problems, is_cut = _values(_unwrapped(THOUGHTS.sub("", text)))
    values: list[T] = []
    passed_over: list[str] = []
    for value in found:
        _take(value, shape, values, problems, passed_over)
    if not values:
        problems += passed_over
    if not found and not problems and not is_cut:
        if REFUSAL.search(text):
            return Parsed((), is_refusal=True)
        problems.append("there is no JSON in the reply")
    return Parsed(tuple(values), tuple(problems), is_cut or finish_reason == "length")


def reply_schema(shape: type[BaseModel], *, at_most: int | None = None) -> dict[str, Any]:
    """The JSON schema of a reply with a list ``items`` of a shape, as strict as OpenAI wants it.

    Args:
        shape: of one item.
        at_most: items.
    """
    item = deepcopy(_strict(shape))
    shared = item.pop("$defs", {})
    items: dict[str, Any] = {"type": "array", "items": item}
    if at_most is not None:
        items["maxItems"] = at_most
    whole = {
        "type": "object",
        "properties": {"items": items},
        "required": ["items"],
        "additionalProperties": False,
    }
    return {**whole, "$defs": shared} if shared else whole


@cache
def _strict(shape: type[BaseModel]) -> dict[str, Any]:
    """The schema of a shape, kept because every request of a plan has one."""
    item = shape.model_json_schema()
    for part in (item, *item.get("$defs", {}).values()):
        if part.get("type") == "object":
            part["additionalProperties"] = False
            part["required"] = list(part.get("properties", {}))
            for field in part.get("properties", {}).values():
                field.pop("default", None)  # refused in strict mode, where all is required anyway
    return item


def _unwrapped(text: str) -> str:
    """The text within a JSON string, where the whole reply is one: JSON that was quoted twice."""
    fenced = FENCE.match(text)
    inner = (fenced[1] if fenced else text).strip().lstrip("\ufeff")
    if not inner.startswith('"'):
        return text
    try:
        once = json.loads(inner)
    except ValueError:
        return text
    return once if isinstance(once, str) else text


def _values(text: str) -> tuple[list[Any], list[str], bool]:
    """All objects and lists of a text, what could not be read, and whether its end is missing."""
    found: list[Any] = []
    problems: list[str] = []
    is_cut, at, broken_until, n_broken = False, 0, -1, 0
    for _ in range(MOST_STARTS):
        start = START.search(text, at)
        if start is None or n_broken > MOST_BROKEN:
            break
        place = start.start()
        try:
            value, at = read_value(text, place)
        except Malformed as error:
            at = place + 1
            if not PLAUSIBLE.match(text, place):
                continue  # a bracket of prose
            n_broken += 1
            if isinstance(error, Cut):
                is_cut = True
            elif place > broken_until:
                problems.append(f"broken JSON: {error}")
                end = text.find("\n\n", place)
                broken_until = len(text) if end < 0 else end
        else:
            found.append(mended(value))  # an escape may stand for half a character
    else:
        problems.append(f"more than {MOST_STARTS} brackets")
    if not found and not problems and re.fullmatch(r"[\s`]*(?:json)?\s*(?:null|None)[\s`]*", text):
        problems.append("the reply is null")
    return found, problems, is_cut


def _take(
    value: Any, shape: type[T], values: list[T], problems: list[str], passed_over: list[str]
) -> None:
    if isinstance(value, list):
        if value and not any(isinstance(one, dict | list) for one in value):
            # [1] in prose is no item; where nothing else is found it is what was wrong.
            kind = type(value[0]).__name__
            passed_over.append(f"a list of {kind} instead of objects")
            return
        for one in value:
            _take(one, shape, values, problems, passed_over)
        return
    if not isinstance(value, dict):
        problems.append(f"{_shown(value)} instead of an object")
        return
    problem = _fit(value, shape, values)
    if not problem:
        return
    wrapped = [part for part in value.values() if _may_hold_items(part)]
    if len(wrapped) == 1 and not set(value) & set(shape.model_fields):
        _take(wrapped[0], shape, values, problems, passed_over)
    else:
        problems.append(problem)


def _may_hold_items(part: Any) -> bool:
    return isinstance(part, dict) or (
        isinstance(part, list) and all(isinstance(one, dict | str) for one in part)
    )


def _fit(value: dict[str, Any], shape: type[T], values: list[T]) -> str:
    """Adds an item if it has the shape, once; else says what is wrong."""
    try:
        item = shape.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        return f"{place}: {first['msg']}; got {_shown(value)}"
    for name, field in shape.model_fields.items():
        told = getattr(item, name)
        if field.is_required() and isinstance(told, str) and not told.strip():
            return f"{name}: is empty; got {_shown(value)}"
    if item not in values:  # models repeat themselves: a draft, then the same as the answer
        values.append(item)
    return ""


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
