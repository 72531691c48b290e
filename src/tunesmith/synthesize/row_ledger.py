"""Row ledger: every planned row has one fate: planned = accepted + rejected + failed."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

RowEnd = Literal["accepted", "rejected", "failed"]
MOST_REASONS = 30


class RowLedger:
    """Counts planned rows by what became of them, by step and in detail.

    A reason is a step, a colon and what was found: ``not grounded: number 42 is not in ...``.
    """

    def __init__(self) -> None:
        self.n_planned = 0
        self.steps: Counter[tuple[RowEnd, str]] = Counter()
        self.reasons: Counter[str] = Counter()

    def plan(self, n: int) -> None:
        """Counts rows that were planned."""
        self.n_planned += n

    def end(self, fate: RowEnd, reason: str = "", n: int = 1) -> None:
        """Counts what became of planned rows."""
        self.steps[fate, step_of(reason)] += n
        if reason:
            self.reasons[reason] += n

    def count(self, fate: RowEnd) -> int:
        """Rows of one fate."""
        return sum(n for (ended, _), n in self.steps.items() if ended == fate)

    def as_counts(self) -> list[tuple[RowEnd, str, int]]:
        """Every fate and step with its number, for :meth:`end`."""
        return [(fate, step, n) for (fate, step), n in sorted(self.steps.items())]

    @property
    def adds_up(self) -> bool:
        """Whether every planned row has one fate."""
        return self.steps.total() == self.n_planned

    def as_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        return {
            "planned": self.n_planned,
            "accepted": self.count("accepted"),
            "rejected": self._by_step("rejected"),
            "failed": self._by_step("failed"),
            "reasons": dict(_common(self.reasons)[:MOST_REASONS]),
        }

    def _by_step(self, fate: RowEnd) -> dict[str, int]:
        found = Counter({step: n for (ended, step), n in self.steps.items() if ended == fate and n})
        return dict(_common(found))


def step_of(reason: str) -> str:
    """The step that a reason tells."""
    return reason.partition(":")[0]


def _common(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most common first; of equally common ones the first by name."""
    return sorted(
        ((k, n) for k, n in counts.items() if n > 0), key=lambda item: (-item[1], item[0])
    )
