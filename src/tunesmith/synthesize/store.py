"""Store: every request to a teacher and what became of it, on disk before anything else happens.

One SQLite file on a disk of this machine. A request is known by the hash of all that decides its
answer, so adding it again changes nothing, and what is finished is never sent again.

Of all that is stored, the plan is what is wanted now. Requests that an earlier plan added and this
one does not name are stale: nobody asks them, and their answers stay for the plan that names them.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.request import Request
from tunesmith.core.holder import is_gone, this_process
from tunesmith.core.surrogates import mended
from tunesmith.synthesize.database import Database, as_json
from tunesmith.synthesize.stored import (
    SELECT_RESULTS,
    STATE_NOW,
    TABLES,
    VERSION,
    Leased,
    Result,
    State,
    request_of_text,
    text_of,
)

LEASE_S = 7200.0
"""A lease is free after so long even if its process lives: longer than any request is tried."""


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
        self._base = Database(path, "store", TABLES, version=VERSION)

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def __enter__(self) -> RequestStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, requests: Iterable[Request]) -> int:
        """Adds requests to the plan, all or none of them.

        One that is there already is not added again: it takes the new tag, and is asked if it is
        still open.

        Returns:
            How many are new.
        """
        with self._base.change():
            return self._add(requests)

    def plan(self, requests: Iterable[Request]) -> int:
        """Makes these the whole plan, or changes nothing; open ones beside them become stale.

        Args:
            requests: taken one by one, so they need not fit into memory. The store can be written
                by nobody else until the last one came.

        Returns:
            How many are new.
        """
        with self._base.change():
            self._free_abandoned()
            self._base.run("UPDATE requests SET is_planned = 0 WHERE is_planned = 1")
            return self._add(requests)

    def _add(self, requests: Iterable[Request]) -> int:
        rows = ((r.key(self.endpoint), mended(r.tag), text_of(r)) for r in requests)
        before = self._size()
        self._base.run_many(
            "INSERT INTO requests (key, tag, request) VALUES (?, ?, ?) ON CONFLICT (key) DO "
            "UPDATE SET is_planned = 1, tag = excluded.tag, request = excluded.request",
            rows,
        )
        return self._size() - before

    def _size(self) -> int:
        [size] = self._base.one("SELECT count(*) FROM requests")
        return size

    def lease(self) -> Leased | None:
        """Takes the plan's next request that nobody asks; None where there is none."""
        with self._base.change():
            row = (
                self._base.one(
                    "SELECT place, request, following FROM requests WHERE is_planned = 1 AND "
                    "state = 'pending' ORDER BY place LIMIT 1"
                )
                or self._abandoned()
            )
            if row is None:
                return None
            place, first, following = row
            self._base.run(
                "UPDATE requests SET state = 'leased', holder = ?, until_s = ? WHERE place = ?",
                (self._me, time.monotonic() + LEASE_S, place),
            )
            [n_replies] = self._base.one("SELECT count(*) FROM replies WHERE place = ?", (place,))
        asked = request_of_text(following or first)
        return Leased(place, replace(asked, tag=str(place)), request_of_text(first), n_replies)

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
        with self._base.change():
            if completion is not None:
                self._base.run(
                    "INSERT INTO replies SELECT ?, count(*), ?, ? FROM replies WHERE place = ?",
                    (
                        leased.place,
                        leased.request.key(self.endpoint),
                        as_json(asdict(completion)),
                        leased.place,
                    ),
                )
            self._base.run(
                "UPDATE requests SET state = ?, value = ?, reason = ?, following = ?, "
                "holder = NULL, until_s = NULL WHERE place = ?",
                (
                    state,
                    None if value is None else as_json(value),
                    mended(reason),
                    None if following is None else text_of(following),
                    leased.place,
                ),
            )

    def renew(self) -> None:
        """Begins the leases of this process anew."""
        with self._base.change():
            self._base.run(
                "UPDATE requests SET until_s = ? "
                "WHERE is_planned = 1 AND state = 'leased' AND holder = ?",
                (time.monotonic() + LEASE_S, self._me),
            )

    def release(self) -> None:
        """Gives back what this process has leased and not finished."""
        with self._base.change():
            self._base.run(
                "UPDATE requests SET state = 'pending', holder = NULL, until_s = NULL "
                "WHERE state = 'leased' AND holder = ?",
                (self._me,),
            )

    def retry_failed(self, tag_prefix: str = "") -> int:
        """Makes the plan's failed requests pending again; gives their number.

        Args:
            tag_prefix: how their tags begin; empty: all.
        """
        with self._base.change():
            return self._base.run(
                "UPDATE requests SET state = 'pending', reason = '' "
                "WHERE is_planned = 1 AND state = 'failed' AND substr(tag, 1, ?) = ?",
                (len(tag_prefix), tag_prefix),
            )

    def has_abandoned(self) -> bool:
        """Whether a process has left a request of the plan without an outcome."""
        return self._abandoned() is not None

    def counts(self) -> Counter[str]:
        """Requests by state; they add up to all that were added."""
        query = f"SELECT {STATE_NOW}, count(*) FROM requests GROUP BY 1"
        return Counter(dict(self._base.rows(query)))

    def result(self, key: str) -> Result | None:
        """What became of a request, by its key; None where it was never added."""
        row = self._base.one(f"{SELECT_RESULTS} WHERE key = ?", (key,))
        return None if row is None else self._result(*row)

    def results(self, tag_prefix: str = "", *, planned: bool = False) -> Iterator[Result]:
        """Requests in the order in which they were first added.

        Args:
            tag_prefix: how their tags begin; empty: all.
            planned: only those of the plan.
        """
        which = "substr(tag, 1, ?) = ? AND is_planned >= ?"
        rows = self._base.rows(
            f"{SELECT_RESULTS} WHERE {which} ORDER BY place", (len(tag_prefix), tag_prefix, planned)
        )
        for row in rows:
            yield self._result(*row)

    def _result(
        self, place: int, key: str, tag: str, state: State, value: str | None, reason: str
    ) -> Result:
        replies = self._base.rows(
            "SELECT reply FROM replies WHERE place = ? ORDER BY number", (place,)
        )
        return Result(
            place,
            key,
            tag,
            state,
            None if value is None else json.loads(value),
            reason,
            tuple(Completion(**json.loads(text)) for (text,) in replies),
        )

    def _abandoned(self) -> tuple[int, str, str | None] | None:
        """A request of the plan whose process is gone, or took far too long."""
        rows = self._base.all(
            "SELECT place, request, following, holder, until_s FROM requests "
            "WHERE is_planned = 1 AND state = 'leased' ORDER BY place"
        )
        for place, request, following, holder, until_s in rows:
            if _is_over(holder, until_s):
                return place, request, following
        return None

    def _free_abandoned(self) -> None:
        rows = self._base.all("SELECT place, holder, until_s FROM requests WHERE state = 'leased'")
        over = [(place,) for place, holder, until_s in rows if _is_over(holder, until_s)]
        self._base.run_many(
            "UPDATE requests SET state = 'pending', holder = NULL, until_s = NULL WHERE place = ?",
            over,
        )


def _is_over(holder: str, until_s: float) -> bool:
    return is_gone(holder) or until_s < time.monotonic()
