"""Scale: where values and their intervals lie on one line, in percent of its length."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tunesmith.evaluation.charts import nice_ticks, tick_texts


@dataclass(frozen=True, slots=True)
class Mark:
    """One value on a scale, in percent of its length.

    Attributes:
        at: the value.
        start: lower end of its interval; None: it has none.
        length: of the interval; None: it has none.
    """

    at: float
    start: float | None = None
    length: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A line from one round number to another.

    Attributes:
        low: at its start.
        high: at its end.
        ends: both in words.
    """

    low: float
    high: float
    ends: tuple[str, str]

    def at(self, value: float) -> float:
        """Percent of the line at a value; values beyond its ends lie on them."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)

    def mark(
        self, value: float | None, low: float | None = None, high: float | None = None
    ) -> Mark | None:
        """A value with its interval; None where there is no value."""
        if value is None or not math.isfinite(value):
            return None
        if low is None or high is None:
            return Mark(self.at(value))
        start = self.at(low)
        return Mark(self.at(value), start, round(self.at(high) - start, 2))


def scale_of(values: Iterable[float | None], *, n: int = 4) -> Scale | None:
    """The shortest line of round numbers that holds all values; None without values.

    Args:
        values: None and what is not finite is left out.
        n: steps that are aimed at.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    ticks = nice_ticks(min(known), max(known), n=n)
    texts = tick_texts(ticks)
    ends = (texts[0].replace("-", "−"), texts[-1].replace("-", "−"))
    return Scale(ticks[0], ticks[-1], ends)
