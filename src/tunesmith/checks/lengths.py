"""Lengths: how long rows are, as figures and as a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

N_BARS = 24
TAIL = 0.99
"""Share of rows that the bars spread over; longer rows stand in the last bar together."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The distribution of the rows' lengths.

    Attributes:
        unit: what is counted: characters or tokens.
        counts: rows by bar.
        width: of a bar, in units; bar i holds lengths in [i * width, (i + 1) * width).
        open_end: whether the last bar holds all longer rows as well.
        shortest: of all rows.
        median: likewise.
        mean: likewise.
        p95: length that 95 of 100 rows do not exceed.
        longest: of all rows.
    """

    unit: str
    counts: tuple[int, ...]
    width: int
    open_end: bool
    shortest: int
    median: int
    mean: float
    p95: int
    longest: int

    def as_dict(self) -> dict[str, Any]:
        """The distribution ready for JSON."""
        names = ("unit", "shortest", "median", "p95", "longest", "width", "open_end")
        figures = {name: getattr(self, name) for name in names}
        return {**figures, "mean": round(self.mean, 1), "counts": list(self.counts)}


def measure(lengths: np.ndarray, unit: str) -> Lengths | None:
    """Figures and bars of some lengths.

    Args:
        lengths: [N] whole numbers, at least 0.
        unit: what they count.

    Returns:
        None where there are no rows.
    """
    if not len(lengths):
        return None
    longest = int(lengths.max())
    width = round_width(float(np.quantile(lengths, TAIL)) / N_BARS)
    n_bars = min(N_BARS + 1, longest // width + 1)
    counts = np.bincount(np.minimum(lengths // width, n_bars - 1), minlength=n_bars)
    return Lengths(
        unit=unit,
        counts=tuple(counts.tolist()),
        width=width,
        open_end=longest >= n_bars * width,
        shortest=int(lengths.min()),
        median=int(np.quantile(lengths, 0.5, method="lower")),
        mean=float(lengths.mean()),
        p95=int(np.quantile(lengths, 0.95, method="lower")),
        longest=longest,
    )


def round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is at least so much."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10
