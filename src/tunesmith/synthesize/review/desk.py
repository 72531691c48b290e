"""Desk: what a reviewer asks for and does, whatever shows it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tunesmith.core.errors import TunesmithError
from tunesmith.synthesize.loopback import Refusal
from tunesmith.synthesize.review.decisions import (
    EDITABLE,
    VERDICTS,
    Decision,
    Decisions,
    content_key,
)
from tunesmith.synthesize.review.edits import checked_edit, has_draft
from tunesmith.synthesize.review.filters import STATES, Filter, holds_text, is_open
from tunesmith.synthesize.review.rows import FACETS, Rows, stamp
from tunesmith.synthesize.review.source import Documents, passage_of, source_of

Go = Literal["here", "next", "previous", "first", "last", "open"]
MOST_AT_ONCE = 200
"""Lines of the list in one answer."""
SHOWN = 160
"""Characters of a row in the list."""


class Desk:
    """Rows, their documents and the decisions on them. One thread at a time."""

    def __init__(
        self, path: Path, documents: Documents, decisions: Decisions, *, by: str = ""
    ) -> None:
        """Reads the rows.

        Args:
            path: of ``rows.jsonl``.
            documents: the text behind them.
            decisions: where what is decided goes.
            by: who decides.

        Raises:
            DataError: the rows cannot be read.
        """
        self.path = path
        self.turn = threading.RLock()
        self._documents = _Remembered(documents)
        self._decisions = decisions
        self._by = by
        self._open_rows()

    def close(self) -> None:
        """Closes the file of rows."""
        self._rows.close()

    def overview(self) -> dict[str, Any]:
        """What rows can be filtered by, with how many there are of each."""
        rows = self._current()
        facets = {
            name: [
                {"value": value, "n": int(n)}
                for value, n in zip(
                    rows.values[name],
                    np.bincount(rows.codes[name], minlength=len(rows.values[name])),
                    strict=True,
                )
            ]
            for name in FACETS
        }
        for entry in facets["document"]:
            entry["name"] = rows.names[entry["value"]]
        facets["flag"] = [{"value": flag, "n": len(at)} for flag, at in sorted(rows.flags.items())]
        return {"rows": len(rows), "facets": facets, "labels": rows.labels}

    def progress(self, wanted: Filter) -> dict[str, int]:
        """How many rows there are in each state, of those that a filter lets through."""
        self._current()
        counts = np.bincount(self._states[self._mask(wanted)], minlength=len(STATES)).tolist()
        told = dict(zip(STATES, counts, strict=True))
        return {"rows": sum(counts), **told}

    def brief(self, wanted: Filter, first: int, n: int) -> dict[str, Any]:
        """A stretch of the list.

        Args:
            wanted: which rows it holds.
            first: how many of them are passed over.
            n: how many follow.
        """
        rows = self._current()
        positions = self._positions(wanted)
        shown = positions[max(0, first) :][: min(max(0, n), MOST_AT_ONCE)]
        return {
            "total": len(positions),
            "first": max(0, first),
            "rows": [
                {"id": rows.id(at), "state": STATES[self._states[at]], "text": _title(row)}
                for at, row in rows.many(shown)
            ],
        }

    def item(
        self, wanted: Filter, id: str = "", go: Go = "here", *, context: int = 0
    ) -> dict[str, Any]:
        """A row with all that is shown of it.

        Args:
            wanted: which rows are walked through.
            id: of the row to go from; one that is not there stands before the first.
            go: where to; ``open`` is the next that is not decided, from the start again after the
                last.
            context: steps of more context.

        Returns:
            ``row`` is None where nothing is left in that direction.
        """
        rows = self._current()
        at = rows.position(id)
        positions = self._positions(wanted)
        found = self._step(positions, -1 if at is None else at, go)
        told = {"total": len(positions), "progress": self.progress(wanted), "row": None}
        return told if found is None else {**told, **self._shown(found, positions, context)}

    def decide(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Decides on one row and goes on to the next that is not decided.

        Args:
            asked: ``id``, the ``content`` that was looked at, ``verdict``, the fields of an edit
                and the ``filter``.

        Raises:
            Refusal: the row is another now, or the edit cannot be kept.
            RunError: the decision cannot be written.
        """
        rows = self._current()
        id, verdict = str(asked.get("id", "")), asked.get("verdict")
        at = rows.position(id)
        if at is None:
            raise Refusal(409, "The dataset was built again, and this row is gone. Load the page.")
        if verdict not in VERDICTS:
            raise Refusal(422, f"There is no verdict {verdict!r}.")
        row = rows.read(at)
        if asked.get("content") != content_key(row):
            raise Refusal(409, "The dataset was built again, and this row has changed. Look again.")
        if verdict != "rejected" and not has_draft(row):
            raise Refusal(422, "There is no draft to accept: what was written could not be used.")
        edit: dict[str, Any] = {}
        if verdict == "edited":
            given = {name: asked[name] for name in EDITABLE if name in asked}
            edit = checked_edit(row, given, self._passage(row))
        self._decisions.decide(row, verdict, by=self._by, **edit)
        self._states[at] = STATES.index(verdict)
        wanted = _filter(asked)
        following = self.item(wanted, id, "open")
        if following["row"] is None:
            following = {**self.item(wanted, id), "finished": True}
        return {"decided": verdict, **following}

    def undo(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Takes the newest decision back and shows its row.

        Args:
            asked: the ``filter``.

        Raises:
            Refusal: nothing was decided.
        """
        rows = self._current()
        id = self._decisions.undo()
        if id is None:
            raise Refusal(409, "There is nothing to undo.")
        at = rows.position(id)
        if at is not None:
            self._states[at] = self._state_of(rows.read(at), self._decisions.of(id))
        return {"undone": id, **self.item(_filter(asked), id)}

    def _shown(self, at: int, positions: np.ndarray, context: int) -> dict[str, Any]:
        row = self._rows.read(at)
        rank = int(np.searchsorted(positions, at))
        matches = rank < len(positions) and positions[rank] == at
        decision = self._decisions.of(self._rows.id(at))
        return {
            "row": row,
            "content": content_key(row),
            "rank": rank + 1 if matches else None,
            "state": STATES[self._states[at]],
            "decision": None if decision is None else _told(decision),
            "source": source_of(row, self._documents, context),
            "context": context,
        }

    def _step(self, positions: np.ndarray, at: int, go: str) -> int | None:
        if go == "here" and at >= 0:
            return at
        if go == "open":
            left = positions[is_open(self._states[positions])]
            after = left[left > at]
            return _first(after if len(after) else left)
        if go == "previous":
            return _first(positions[positions < at][::-1])
        if go == "last":
            return _first(positions[::-1])
        return _first(positions if go == "first" else positions[positions > at])

    def _positions(self, wanted: Filter) -> np.ndarray:
        return np.flatnonzero(self._mask(wanted) & wanted.decided(self._states))

    def _mask(self, wanted: Filter) -> np.ndarray:
        return wanted.mask(self._rows, self._holding)

    def _holding(self, text: str, mask: np.ndarray) -> np.ndarray:
        """Which of the rows of a mask hold a text; the last search is remembered."""
        words = text.strip().casefold()
        key = (words, mask.tobytes())
        if self._searched[0] != key:
            held = np.zeros(len(mask), bool)
            for at, row in self._rows.many(np.flatnonzero(mask), words):
                held[at] = holds_text(row, words)
            self._searched = (key, held)
        return self._searched[1]

    def _passage(self, row: Mapping[str, Any]) -> str | None:
        try:
            return passage_of(row, self._documents).text
        except TunesmithError:
            return None

    def _current(self) -> Rows:
        """The rows, read again where a build has written them anew."""
        if (found := stamp(self.path)) is not None and found != self._rows.stamp:
            before = self._rows
            self._open_rows()
            self._documents.forget()
            before.close()
        return self._rows

    def _open_rows(self) -> None:
        self._rows = Rows(self.path)
        self._searched: tuple[Any, np.ndarray] = (None, np.zeros(0, bool))
        self._states = np.zeros(len(self._rows), np.uint8)
        for id, decision in self._decisions.all().items():
            at = self._rows.position(id)
            if at is not None:
                self._states[at] = self._state_of(self._rows.read(at), decision)

    def _state_of(self, row: Mapping[str, Any], decision: Decision | None) -> int:
        if decision is None:
            return STATES.index("undecided")
        return STATES.index(decision.verdict if decision.holds_for(row) else "changed")


class _Remembered:
    """Documents, of which the last few are at hand: neighbours come from the same."""

    def __init__(self, documents: Documents) -> None:
        self.text = lru_cache(maxsize=4)(documents.text)
        self.passage = lru_cache(maxsize=64)(documents.passage)

    def forget(self) -> None:
        self.text.cache_clear()
        self.passage.cache_clear()


def _filter(asked: Mapping[str, Any]) -> Filter:
    given = asked.get("filter")
    return Filter.of(given if isinstance(given, dict) else {})


def _first(positions: np.ndarray) -> int | None:
    return int(positions[0]) if len(positions) else None


def _title(row: Mapping[str, Any]) -> str:
    place = row.get("provenance") or {}
    turns = row.get("turns") or [{}]
    texts = [turns[0].get("request"), *(row.get("quotes") or ()), turns[0].get("answer")]
    whole = f"{place.get('name')}, passage {int(place.get('chunk') or 0) + 1}"
    return " ".join(next((str(text) for text in texts if text), whole).split())[:SHOWN]


def _told(decision: Decision) -> dict[str, Any]:
    names = ("verdict", "edit", "original", "by", "at")
    return {name: getattr(decision, name) for name in names}
