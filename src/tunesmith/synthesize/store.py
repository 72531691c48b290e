"""Store: every request to a teacher and what became of it, on disk before anything else happens.

One SQLite file on a disk of this machine. A request is known by the hash of all that decides its
answer, so adding it again changes nothing, and what is finished is never sent again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tunesmith.chat.chat_model import Completion, Sampling
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.request import Request
from tunesmith.core.errors import RunError
from tunesmith.core.holder import is_gone, this_process

State = Literal["pending", "leased", "done", "failed", "rejected"]
LEASE_S = 7200.0
"""A lease is free after so long even if its process lives: longer than any request is tried."""
VERSION = 1
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    place INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    request TEXT NOT NULL,
    following TEXT,             -- what is asked next, where a first reply was not good enough
    state TEXT NOT NULL DEFAULT 'pending',
    holder TEXT,                -- process that asks it now
    until_s REAL,               -- end of its lease, on the monotonic clock of this boot
    value TEXT,
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_state ON requests (state, place);
CREATE TABLE IF NOT EXISTS replies (
    place INTEGER NOT NULL,
    number INTEGER NOT NULL,
    key TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (place, number)
);
"""


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
    state: State
    value: Any
    """What the judge made of the reply."""
    reason: str
    replies: tuple[Completion, ...]
    """All that came, the raw text of rejected ones too."""


class RequestStore:
    """Requests in their order; several processes may work on one store."""

    def __init__(self, path: Path, endpoint: Endpoint) -> None:
        """Opens a store, or makes it.

        Args:
            path: of the file.
            endpoint: part of every key; another endpoint's answers are other answers.

        Raises:
            RunError: it cannot be opened, or was made by a newer version.
        """
        self.path = path
        self.endpoint = endpoint
        self._me = this_process()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One thread at a time uses it, but in a notebook that is not the one that opened it.
            self._base = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            [found] = self._base.execute("PRAGMA user_version").fetchone()
            if found <= VERSION:
                self._base.executescript(f"{TABLES}PRAGMA user_version={VERSION};")
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"{path}: the store cannot be opened ({error}).") from None
        if found > VERSION:
            raise RunError(f"{path}: was made by a newer version. Update tunesmith.")

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def __enter__(self) -> RequestStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, requests: Iterable[Request]) -> int:
        """Adds requests that are not there yet, all or none of them.

        Returns:
            How many are new.
        """
        rows = ((r.key(self.endpoint), r.tag, _text(r)) for r in requests)
        with self._change():
            before = self._base.total_changes
            self._base.executemany(
                "INSERT OR IGNORE INTO requests (key, tag, request) VALUES (?, ?, ?)", rows
            )
            return self._base.total_changes - before

    def lease(self) -> Leased | None:
        """Takes the next request that nobody asks; None where there is none."""
        with self._change():
            row = (
                self._base.execute(
                    "SELECT place, request, following FROM requests WHERE state = 'pending' "
                    "ORDER BY place LIMIT 1"
                ).fetchone()
                or self._abandoned()
            )
            if row is None:
                return None
            place, first, following = row
            self._base.execute(
                "UPDATE requests SET state = 'leased', holder = ?, until_s = ? WHERE place = ?",
                (self._me, time.monotonic() + LEASE_S, place),
            )
            [n_replies] = self._base.execute(
                "SELECT count(*) FROM replies WHERE place = ?", (place,)
            ).fetchone()
        asked = _request(following or first)
        return Leased(place, replace(asked, tag=str(place)), _request(first), n_replies)

    def reply(
        self,
        leased: Leased,
        completion: Completion | None,
        state: Literal["done", "failed", "rejected", "pending"],
        *,
        value: Any = None,
        reason: str = "",
        following: Request | None = None,
    ) -> None:
        """Writes down what became of a leased request; it is on the disk when this returns.

        Args:
            leased: the request.
            completion: the reply, if there was one.
            state: ``pending`` to ask again, with ``following``.
            value: what was made of it.
            reason: why it is no better.
            following: what to ask next.
        """
        with self._change():
            if completion is not None:
                self._base.execute(
                    "INSERT INTO replies SELECT ?, count(*), ?, ? FROM replies WHERE place = ?",
                    (
                        leased.place,
                        leased.request.key(self.endpoint),
                        json.dumps(asdict(completion), ensure_ascii=False),
                        leased.place,
                    ),
                )
            self._base.execute(
                "UPDATE requests SET state = ?, value = ?, reason = ?, following = ?, "
                "holder = NULL, until_s = NULL WHERE place = ?",
                (
                    state,
                    None if value is None else json.dumps(value, ensure_ascii=False),
                    reason,
                    None if following is None else _text(following),
                    leased.place,
                ),
            )

    def release(self) -> None:
        """Gives back what this process has leased and not finished."""
        with self._change():
            self._base.execute(
                "UPDATE requests SET state = 'pending', holder = NULL, until_s = NULL "
                "WHERE state = 'leased' AND holder = ?",
                (self._me,),
            )

    def retry_failed(self) -> int:
        """Makes failed requests pending again; gives their number."""
        with self._change():
            return self._base.execute(
                "UPDATE requests SET state = 'pending', reason = '' WHERE state = 'failed'"
            ).rowcount

    def has_abandoned(self) -> bool:
        """Whether a process has left a request without an outcome."""
        return self._abandoned() is not None

    def counts(self) -> Counter[str]:
        """Requests by state; they add up to all that were added."""
        query = "SELECT state, count(*) FROM requests GROUP BY state"
        return Counter(dict(self._base.execute(query).fetchall()))

    def results(self) -> Iterator[Result]:
        """All requests in their order."""
        rows = self._base.execute(
            "SELECT place, key, tag, state, value, reason FROM requests ORDER BY place"
        )
        for place, key, tag, state, value, reason in rows:
            replies = self._base.execute(
                "SELECT reply FROM replies WHERE place = ? ORDER BY number", (place,)
            )
            yield Result(
                place,
                key,
                tag,
                state,
                None if value is None else json.loads(value),
                reason,
                tuple(Completion(**json.loads(text)) for (text,) in replies.fetchall()),
            )

    def _abandoned(self) -> tuple[int, str, str | None] | None:
        """A request whose process is gone, or took far too long."""
        rows = self._base.execute(
            "SELECT place, request, following, holder, until_s FROM requests "
            "WHERE state = 'leased' ORDER BY place"
        )
        for place, request, following, holder, until_s in rows.fetchall():
            if is_gone(holder) or until_s < time.monotonic():
                return place, request, following
        return None

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One change, whole or not at all."""
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise RunError(
                f"{self.path}: the store cannot be written ({error}). What is in it is whole."
            ) from None


def _text(request: Request) -> str:
    return json.dumps(asdict(request), ensure_ascii=False)


def _request(text: str) -> Request:
    fields = json.loads(text)
    sampling = Sampling(**fields.pop("sampling"))
    return Request(tuple(fields.pop("messages")), sampling, **fields)
