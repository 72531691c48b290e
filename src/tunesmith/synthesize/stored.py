"""Stored: what a request store holds: its tables, and the records that are made of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tunesmith.chat.chat_model import Completion, Sampling
from tunesmith.chat.request import Request
from tunesmith.synthesize.database import as_json

State = Literal["pending", "leased", "done", "failed", "rejected", "stale"]
"""``stale``: open, and no part of the plan; it is pending again when it is planned again."""
VERSION = 1
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    place INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    is_planned INTEGER NOT NULL DEFAULT 1,
    request TEXT NOT NULL,
    following TEXT,             -- what is asked next, where a first reply was not good enough
    state TEXT NOT NULL DEFAULT 'pending',
    holder TEXT,                -- process that asks it now
    until_s REAL,               -- end of its lease, on the monotonic clock of this boot
    value TEXT,
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_state ON requests (is_planned, state, place);
CREATE TABLE IF NOT EXISTS replies (
    place INTEGER NOT NULL,
    number INTEGER NOT NULL,
    key TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (place, number)
);
"""
STATE_NOW = "CASE WHEN state = 'pending' AND NOT is_planned THEN 'stale' ELSE state END"
"""Staleness is no state of the table: what becomes of a request that is under way while the plan
changes is written down as ever, and is stale or not by the plan alone."""
SELECT_RESULTS = f"SELECT place, key, tag, {STATE_NOW}, value, reason FROM requests"


@dataclass(frozen=True, slots=True)
class Leased:
    """A request that this process is to ask."""

    place: int
    request: Request
    first: Request
    """As it was added; the same unless another reply is asked for."""
    n_replies: int
    """That came before."""


@dataclass(frozen=True, slots=True)
class Result:
    """A request and what became of it."""

    place: int
    key: str
    tag: str
    """The name it was given last."""
    state: State
    value: Any
    """What the judge made of the reply."""
    reason: str
    replies: tuple[Completion, ...]
    """All that came, the raw text of rejected ones too."""


def text_of(request: Request) -> str:
    """A request as it is stored."""
    return as_json(asdict(request))


def request_of_text(text: str) -> Request:
    """A request that was stored."""
    fields = json.loads(text)
    sampling = Sampling(**fields.pop("sampling"))
    return Request(tuple(fields.pop("messages")), sampling, **fields)
