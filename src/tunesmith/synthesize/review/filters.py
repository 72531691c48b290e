"""Filter: which rows are looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tunesmith.synthesize.review.rows import FACETS, Rows

STATES = ("undecided", "accepted", "rejected", "edited", "changed")
"""Of a row in review; ``changed``: it was decided, and says something else now."""
OPEN = "open"
"""Filters by what is still to be decided: ``undecided`` and ``changed``."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty: everything."""

    fate: str = ""
    kind: str = ""
    split: str = ""
    language: str = ""
    document: str = ""
    """By its hash."""
    flag: str = ""
    decision: str = ""
    """One of :data:`STATES`, or ``open``."""
    text: str = ""
    """Words as they stand in a row, in any case."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Filter:
        """A filter from what a page sent; what it does not know is left aside."""
        known = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in given.items() if k in known and isinstance(v, str)})

    def mask(self, rows: Rows, holds: Callable[[str, np.ndarray], np.ndarray]) -> np.ndarray:
        """Which rows it lets through, whatever was decided on them.

        Args:
            rows: all of them, N.
            holds: says of a text and a mask which of the masked rows hold the text.

        Returns:
            [N] booleans.
        """
        mask = np.ones(len(rows), bool)
        for name in FACETS:
            if value := getattr(self, name):
                values = rows.values[name]
                code = values.index(value) if value in values else len(values)
                mask &= rows.codes[name] == code
        if self.flag:
            flagged = np.zeros(len(rows), bool)
            flagged[rows.flags.get(self.flag, [])] = True
            mask &= flagged
        return holds(self.text, mask) if self.text.strip() else mask

    def decided(self, states: np.ndarray) -> np.ndarray:
        """Which rows it lets through by their state of review, [N] codes of :data:`STATES`."""
        if self.decision == OPEN:
            return is_open(states)
        if self.decision in STATES:
            return states == STATES.index(self.decision)
        return np.ones(len(states), bool)


def is_open(states: np.ndarray) -> np.ndarray:
    """Which rows are still to be decided."""
    return (states == STATES.index("undecided")) | (states == STATES.index("changed"))


def holds_text(row: Mapping[str, Any], words: str) -> bool:
    """Whether a text stands in a row: its turns, quotes, label, reason, name or id.

    Args:
        row: to look in.
        words: casefolded.
    """
    source = row.get("provenance") or {}
    turns = [str(turn.get(k, "")) for turn in row.get("turns") or () for k in ("request", "answer")]
    rest = [row.get("label"), row.get("rejected"), row.get("reason"), row.get("id")]
    texts = [*turns, *(row.get("quotes") or ()), *rest, source.get("name")]
    return any(words in str(text).casefold() for text in texts if text)
