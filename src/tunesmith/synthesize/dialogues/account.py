"""Account: what became of every conversation and every message; the counts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tunesmith.core.ledger import PLACES_SHOWN
from tunesmith.synthesize.dialogues.clean import Turn

IN_SKIPPED = "in a conversation that is skipped"


class Account:
    """Counts by fate, with reasons and the first places; no text of anybody's is kept.

    Attributes:
        n_masked: places by kind.
        told_by: conversations by what told their sides.
    """

    def __init__(self) -> None:
        self.n_conversations = 0
        self.n_messages = 0
        self.n_written = 0
        self.n_rows = 0
        self.n_kept = 0
        self.n_merged = 0
        self.n_masked: Counter[str] = Counter()
        self.told_by: Counter[str] = Counter()
        self.notices: list[str] = []
        self._skipped: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._places: dict[tuple[str, str], list[str]] = {}

    def find(self, n_messages: int, *, conversation: bool = True) -> None:
        """Counts what was read."""
        self.n_conversations += conversation
        self.n_messages += n_messages

    def drop(self, reason: str, place: str) -> None:
        """Counts a message that is in no row."""
        self._dropped[reason] += 1
        self._note("dropped", reason, place)

    def skip(self, reason: str, place: str, messages: Iterable[str]) -> None:
        """Counts a conversation that is not written, with those of its messages left."""
        self._skipped[reason] += 1
        self._note("skipped", reason, place)
        for origin in messages:
            self.drop(IN_SKIPPED, origin)

    def write(self, windows: Iterable[Iterable[Turn]]) -> None:
        """Counts a conversation that is written."""
        self.n_written += 1
        for window in windows:
            self.n_rows += 1
            for turn in window:
                self.n_kept += 1
                self.n_merged += len(turn.origins) - 1

    def as_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        return {
            "conversations": {
                "found": self.n_conversations,
                "written": self.n_written,
                "skipped": sum(self._skipped.values()),
                "reasons": self._reasons("skipped", self._skipped, "conversations"),
            },
            "messages": {
                "found": self.n_messages,
                "kept": self.n_kept,
                "merged": self.n_merged,
                "dropped": sum(self._dropped.values()),
                "reasons": self._reasons("dropped", self._dropped, "messages"),
            },
            "rows": self.n_rows,
            "masked": dict(sorted(self.n_masked.items())),
            "told_by": dict(sorted(self.told_by.items())),
            "notices": self.notices,
        }

    def _reasons(self, fate: str, counts: Counter[str], what: str) -> list[dict[str, Any]]:
        return [
            {"reason": reason, what: n, "places": self._places[fate, reason]}
            for reason, n in counts.most_common()
        ]

    def _note(self, fate: str, reason: str, place: str) -> None:
        places = self._places.setdefault((fate, reason), [])
        if len(places) < PLACES_SHOWN:
            places.append(place)
