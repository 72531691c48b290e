"""Counted: a figure in steps or rows there, a share here; the data itself tells which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Counted:
    """One figure that becomes a share once rows or steps are known."""

    key: str
    """As there."""
    n: int
    of: Literal["rows", "steps"]
    to: str
    """The share, by its dotted key in the recipe."""
    is_needed: bool = True
    """Whether what is learnt depends on it, so that the data has to be counted first."""

    def share(self, total: int) -> float:
        """The figure as a share of a total, at most all of it.

        Of steps it is a little less, so that a share of all steps, rounded up or to the nearest,
        is the figure again.
        """
        n = self.n - 0.25 if self.of == "steps" else self.n
        return min(1.0, n / max(1, total))
