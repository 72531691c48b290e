"""The ledger: every row read is kept, cut, dropped or rejected, and the counts add up."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

Fate = Literal["kept", "cut", "dropped", "rejected"]
FATES: tuple[Fate, ...] = ("kept", "cut", "dropped", "rejected")
Mark = Literal["mended"]
"""What may have happened to a row besides its fate."""
PLACES_SHOWN = 5


class SplitLedger:
    """What became of the rows of one split.

    ``cut`` rows are trained on too, with some of their prompt missing; ``dropped`` ones were whole
    but not wanted (also in validation, too long under that policy); ``rejected`` ones could not
    be used.

    Attributes:
        n_tokens: of all rows that are used, as often as they are.
        n_supervised_tokens: those of them that are targets of the loss.
        n_cut_tokens: tokens that had to be left out.
        n_without_end: rows used without the token that ends their answer.
        n_repeated: further uses of rows that a mixture takes several times.
    """

    def __init__(self) -> None:
        self.rows: Counter[Fate] = Counter()
        self.reasons: dict[tuple[Fate | Mark, str], list[str]] = {}
        self.n_reasons: Counter[tuple[Fate | Mark, str]] = Counter()
        self.n_mended = 0
        self.n_tokens = 0
        self.n_supervised_tokens = 0
        self.n_cut_tokens = 0
        self.n_without_end = 0
        self.n_repeated = 0

    @property
    def n_read(self) -> int:
        """Rows read: the sum over all fates."""
        return sum(self.rows.values())

    def keep(self, n_rows: int = 1) -> None:
        """Counts rows that are used whole."""
        self.rows["kept"] += n_rows

    def cut(self, origin: str, reason: str, *, n_cut: int) -> None:
        """Counts a row that is used with ``n_cut`` tokens missing."""
        self._end("cut", origin, reason)
        self.n_cut_tokens += n_cut

    def drop(self, origin: str, reason: str) -> None:
        """Counts a sound row that is left out."""
        self._end("dropped", origin, reason)

    def reject(self, origin: str, reason: str) -> None:
        """Counts a row that cannot be used."""
        self._end("rejected", origin, reason)

    def mend(self, origin: str, reason: str) -> None:
        """Counts a row that was mended in reading; its fate is counted by itself."""
        self.n_mended += 1
        self._note("mended", origin, reason)

    def as_dict(self) -> dict[str, Any]:
        """Counts, tokens, and per reason the number and the first places, ready for JSON."""
        return {
            "read": self.n_read,
            **{fate: self.rows[fate] for fate in FATES},
            "mended": self.n_mended,
            "tokens": self.n_tokens,
            "supervised_tokens": self.n_supervised_tokens,
            "cut_tokens": self.n_cut_tokens,
            "without_end": self.n_without_end,
            "repeated": self.n_repeated,
            "reasons": [
                {"fate": fate, "reason": reason, "rows": n, "places": self.reasons[fate, reason]}
                for (fate, reason), n in sorted(self.n_reasons.items())
            ],
        }

    def _end(self, fate: Fate, origin: str, reason: str) -> None:
        self.rows[fate] += 1
        self._note(fate, origin, reason)

    def _note(self, what: Fate | Mark, origin: str, reason: str) -> None:
        self.n_reasons[what, reason] += 1
        places = self.reasons.setdefault((what, reason), [])
        if len(places) < PLACES_SHOWN:
            places.append(origin)


class Ledger:
    """One :class:`SplitLedger` per split, made on first use."""

    def __init__(self) -> None:
        self.splits: dict[str, SplitLedger] = {}
        self.notices: list[str] = []

    def __getitem__(self, split: str) -> SplitLedger:
        return self.splits.setdefault(split, SplitLedger())

    def as_dict(self) -> dict[str, Any]:
        """Every split's counts, ready for JSON."""
        return {split: ledger.as_dict() for split, ledger in self.splits.items()}
