"""Script: what the server answers to which request: replies, faults and delays, all seeded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    schema: Mapping[str, Any] | None
    """JSON schema that the reply is to keep to, if the request names one: as the form of its
    answer, or as the arguments of the function that is to be called."""
    max_tokens: int | None
    streams: bool
    n_before: int
    """How often the same messages were asked before."""
    tool: str = ""
    """Name of the function that is to be called; empty: none."""

    @property
    def form(self) -> Literal["schema", "tool", "plain"]:
        """How the form of the reply is told."""
        return "tool" if self.tool else "plain" if self.schema is None else "schema"

    @property
    def text(self) -> str:
        """What the user said last."""
        said = [m for m in self.messages if m.get("role") == "user"]
        content = said[-1].get("content") if said else ""
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)

    @property
    def key(self) -> str:
        """A hash of the messages: what makes two requests the same."""
        return message_key(self.messages)


def message_key(messages: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of messages, whatever the order of their keys."""
    text = json.dumps(list(messages), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in good order."""

    text: str
    finish_reason: str = "stop"
    delay_s: float = 0.0
    """Before the first byte."""
    model: str = ""
    """What the reply's ``model`` field says; empty: the model that was asked."""
    refusal: str | None = None
    calls: bool = True
    """Where a function is to be called the text is its arguments; False: it stands in the message,
    as from a model that does not do what it is made to."""
    has_end: bool = True
    """False: a stream stops without its last events, as if the other end had died politely."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    ``status`` is an HTTP answer with an error of OpenAI's shape. ``reset`` breaks the connection
    before a byte, ``half-closed`` behind a part of the body. ``silent`` sends nothing, ``hangs``
    the headers alone, ``stalls`` the half of a stream; all three for ``hold_s``. ``garbage`` is
    a 200 with a body that is no JSON.
    """

    kind: Literal["status", "reset", "half-closed", "silent", "hangs", "stalls", "garbage"]
    status: int = 500
    code: str | None = None
    message: str = "a planted fault"
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0.0
    hold_s: float = 3600.0


Act = Reply | Fault | Callable[[Asked], Reply | Fault]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with requests that hold a text."""

    match: str
    """A regular expression, looked for in what the user said last; empty: every request."""
    acts: tuple[Act, ...]
    """The n-th time the same messages are asked the n-th act is done, behind them the last."""
    then_falls_through: bool = False
    """Behind the last act the next rules are asked, rather than the last act being repeated."""
    probability: float = 1.0
    """Share of the requests that it is for; drawn from the seed, the messages and their count, so
    the order in which requests arrive changes nothing."""

    def act(self, asked: Asked, seed: int) -> Act | None:
        """What to do, or None where this rule says nothing."""
        if not re.search(self.match, asked.text):
            return None
        if self.probability < 1 and _draw(seed, self.match, asked) >= self.probability:
            return None
        if self.then_falls_through and asked.n_before >= len(self.acts):
            return None
        return self.acts[min(asked.n_before, len(self.acts) - 1)]


@dataclass(frozen=True, slots=True)
class Script:
    """Rules in their order; the first that has something to say decides."""

    rules: tuple[Rule, ...] = ()
    otherwise: Act = field(default_factory=lambda: Reply("OK"))
    seed: int = 0

    def play(self, asked: Asked) -> Reply | Fault:
        """What is to happen with a request."""
        acts = (rule.act(asked, self.seed) for rule in self.rules)
        act = next((act for act in acts if act is not None), self.otherwise)
        return act if isinstance(act, Reply | Fault) else act(asked)


def _draw(seed: int, match: str, asked: Asked) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    text = f"{seed}\n{match}\n{asked.key}\n{asked.n_before}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
