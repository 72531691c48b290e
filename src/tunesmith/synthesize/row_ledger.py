"""Row ledger: every planned row has one fate: planned = accepted + rejected + failed."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

RowEnd = Literal["accepted", "rejected", "failed"]
MOST_REASONS = 30
LONGEST_REASON = 160


class RowLedger:
    """Counts planned rows by what became of them, by step and in detail.

    A reason is a step, a colon and what was found: ``not grounded: number 42 is not in ...``.

    Attributes:
        n_surplus: items that a teacher wrote beyond what was planned; they are left out.
    """

    def __init__(self) -> None:
        self.n_planned = 0
        self.n_surplus = 0
        self._counts: Counter[tuple[RowEnd, str]] = Counter()

    def plan(self, n: int) -> None:
        """Counts rows that were planned."""
        self.n_planned += n

    def end(self, fate: RowEnd, reason: str = "", n: int = 1) -> None:
        """Counts what became of planned rows."""
        self._counts[fate, reason[:LONGEST_REASON]] += n

    def count(self, fate: RowEnd) -> int:
        """Rows of one fate."""
        return sum(n for (ended, _), n in self._counts.items() if ended == fate)

    @property
    def adds_up(self) -> bool:
        """Whether every planned row has one fate."""
        return self._counts.total() == self.n_planned

    def as_counts(self) -> list[tuple[RowEnd, str, int]]:
        """Every fate and reason with its number, for :meth:`end`."""
        return [(fate, reason, n) for (fate, reason), n in sorted(self._counts.items())]

    def as_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON; ``reasons`` holds the most common ones in full."""
        reasons: Counter[str] = Counter()
        for (_, reason), n in self._counts.items():
            if reason:
                reasons[reason] += n
        return {
            "planned": self.n_planned,
            "accepted": self.count("accepted"),
            "rejected": self._by_step("rejected"),
            "failed": self._by_step("failed"),
            "reasons": dict(_common(reasons)[:MOST_REASONS]),
        }

    def _by_step(self, fate: RowEnd) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (ended, reason), n in self._counts.items():
            if ended == fate:
                found[step_of(reason)] += n
        return dict(_common(found))


def step_of(reason: str) -> str:
    """The step that a reason tells."""
    return reason.partition(":")[0]


def _common(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most common first; of equally common ones the first by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
