"""Turns: what formats share whose records hold lists of turns, ShareGPT's or a chat API's.

[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]
[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
[{"human": "Hi", "assistant": "Hello!"}]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, cast

from pydantic import field_validator

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.examples import Message, Role
from tunesmith.data.format import Format, Record, optional_field, optional_text
from tunesmith.data.formats.calls import read_call_text, read_calls, read_tools
from tunesmith.data.formats.content import read_content, refuse_media, thought

TurnRole = Literal["system", "user", "assistant", "tool", "tool_call"]
"""A role, or ``tool_call``: the assistant's, and the text of the turn is its calls as JSON."""
ROLES: dict[str, TurnRole] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "function_call": "tool_call",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
}
KEYS = (("from", "value"), ("role", "content"))
"""Usual names of the fields of a turn: who speaks, and what."""
PAIRS = (("human", "assistant"), ("user", "assistant"))
"""Names of the fields of an entry that holds a request and its answer."""


class TurnFormat(Format):
    """A format whose records hold lists of turns."""

    role_key: str = "role"
    """Field of a turn that tells who speaks."""
    content_key: str = "content"
    """Field of a turn that holds what is said: a text, or a list of parts that are text."""
    roles: dict[str, TurnRole] = ROLES
    """Who is meant by each name. ``tool_call`` is a turn of the assistant whose text is its calls
    as JSON; the name ``function_call`` always means that."""
    system_key: str | None = "system"
    """Field of the record that holds the system text, where it is no turn; a system turn takes
    its place. None: not used."""
    tools_key: str | None = "tools"
    """Field of the record that lists what may be called, as a list or as JSON text. None: not
    used."""

    @field_validator("roles")
    @classmethod
    def _knows_calls(cls, roles: dict[str, TurnRole]) -> dict[str, TurnRole]:
        is_call = roles.get("function_call") == "assistant"
        return {**roles, "function_call": "tool_call"} if is_call else roles

    def read_turns(self, found: Any, origin: str, where: str) -> tuple[Message, ...]:
        """The messages of a list of turns.

        Args:
            found: what should be the list.
            origin: the record's place, for the message.
            where: name of its field, for the message.

        Raises:
            DataError: it is no such list, or a turn is none or is empty.
        """
        if not isinstance(found, list) or not found:
            raise DataError(
                f"{origin}: no list of turns under {where!r}. Each turn is an object with "
                f"{self.role_key!r} and {self.content_key!r}."
            )
        messages: list[Message] = []
        for number, turn in enumerate(cast("list[Any]", found), 1):
            place = f"{origin}: turn {number} under {where!r}"
            if not isinstance(turn, Mapping):
                raise DataError(f"{place} is {type(turn).__name__}, and an object is needed.")
            messages += self._messages(cast("Record", turn), place, f"{origin}: turn {number}")
        return tuple(messages)

    def with_system(
        self, record: Record, messages: tuple[Message, ...], origin: str
    ) -> tuple[Message, ...]:
        """Messages behind the system text of the record, where no turn of theirs is one."""
        system = optional_text(
            record, self.system_key, origin, setting="data.format.system_key", known=self._known
        )
        if not system or any(message.role == "system" for message in messages):
            return messages
        return (Message("system", system), *messages)

    def tools(self, record: Record, origin: str) -> str:
        """What may be called, as JSON text, or nothing; also refuses media beside the turns."""
        refuse_media(record, origin)
        found = optional_field(
            record, self.tools_key, origin, setting="data.format.tools_key", known=self._known
        )
        return read_tools(found, origin, self.tools_key or "")

    @cached_property
    def _known(self) -> frozenset[str | None]:
        return frozenset(value for name, value in self if name.endswith("_key"))

    def _keys(self, turn: Record, place: str) -> tuple[str, str]:
        """The names of a turn's two fields: the chosen ones, else the usual ones."""
        for role, content in ((self.role_key, self.content_key), *KEYS):
            if role in turn:
                return role, content
        raise DataError(
            f"{place} does not tell who speaks: no {self.role_key!r}. "
            f"{did_you_mean(self.role_key, map(str, turn))} Set data.format.role_key."
        )

    def _messages(self, turn: Record, place: str, short: str) -> Iterable[Message]:
        for request, answer in PAIRS:
            if request in turn and answer in turn and self.role_key not in turn:
                yield _spoken("user", turn[request], short)
                yield _spoken("assistant", turn[answer], short)
                return
        role_key, content_key = self._keys(turn, place)
        tag = turn[role_key]
        role = self.roles.get(tag) if isinstance(tag, str) else None
        if role is None:
            raise DataError(
                f"{place}: role {tag!r} is unknown. {did_you_mean(str(tag), self.roles)} "
                "Set data.format.roles for other names."
            )
        if content_key not in turn and not turn.get("tool_calls") and not turn.get("function_call"):
            raise DataError(
                f"{place} says nothing: no {content_key!r}. "
                f"{did_you_mean(content_key, map(str, turn))} Set data.format.content_key."
            )
        yield self._message(turn, role, turn.get(content_key), short)

    def _message(self, turn: Record, role: TurnRole, content: Any, place: str) -> Message:
        text, calls = read_content(content, place)
        calls += read_calls(turn.get("tool_calls"), place)
        calls += read_calls(turn.get("function_call"), place)
        if role == "tool_call":
            if calls:
                raise DataError(f"{place} has calls in its text and beside it.")
            text, calls = read_call_text(text, place)
        if reasoning := _text_of(turn, "reasoning_content", place):
            text = thought(reasoning) + text
        speaker: Role = "assistant" if role == "tool_call" else role
        if calls and speaker != "assistant":
            raise DataError(f"{place} is the {speaker}'s and holds calls; only the assistant's do.")
        if not text.strip() and not calls:
            raise DataError(f"{place}, by the {speaker}, is empty. Fill it or take the record out.")
        return Message(
            speaker,
            text,
            name=_text_of(turn, "name", place),
            tool_calls=calls,
            tool_call_id=_text_of(turn, "tool_call_id", place),
            weight=_weight(turn, place),
        )


def first_key(record: Record, chosen: str | None, usual: Sequence[str]) -> str | None:
    """The chosen key, else the first usual one that a record has, else None."""
    return chosen if chosen is not None else next((key for key in usual if key in record), None)


def turns_in(record: Record, key: str) -> bool:
    """Whether a record has a list of objects under a key."""
    match record.get(key):
        case [Mapping(), *_]:
            return True
        case _:
            return False


def _spoken(role: Role, value: Any, place: str) -> Message:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place} has no text by the {role}. Fill it or take the record out.")
    return Message(role, value)


def _text_of(turn: Record, key: str, place: str) -> str:
    value = turn.get(key)
    if not isinstance(value, str | None):
        raise DataError(f"{place}: {key!r} holds {type(value).__name__}, and text is needed.")
    return value or ""


def _weight(turn: Record, place: str) -> float | None:
    """The share of the loss, under ``weight`` or ``loss_weight``."""
    key = "weight" if "weight" in turn else "loss_weight"
    value = turn.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{place}: {key!r} holds {value!r}, and a number is needed.")
    if not 0 <= value < math.inf:
        raise DataError(f"{place}: {key!r} is {value}, and a share of the loss is 0 or more.")
    return float(value)
