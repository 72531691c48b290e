"""No width: what may be said of units that are all alike, of which no resample differs.

Others may yet follow, so an interval without width would claim a certainty that nobody has.
"""

from __future__ import annotations

import math

from tunesmith.evaluation.statistics.bootstrap import ROUNDING, Interval, bootstrap
from tunesmith.evaluation.statistics.sample import Sample


def interval_of(sample: Sample, *, is_share: bool, seed: int = 0) -> Interval:
    """A score's interval by the bootstrap, never without width.

    Args:
        sample: its units.
        is_share: whether it lies between 0 and 1.
        seed: of resamples.
    """
    found = bootstrap(sample, seed=seed)
    return widened(found, sample.n_units, (0.0, 1.0) if is_share else None)


def widened(
    found: Interval,
    n_units: int,
    bounds: tuple[float, float] | None,
    *,
    rounding: float = ROUNDING,
) -> Interval:
    """Widens an interval without width, or takes its ends away where nothing bounds the score.

    What was not seen in n units happens in less than 1 - 0.025^(1/n) of them, else it would have
    been (the ends of Clopper and Pearson 1934, Biometrika 26, 404-413, of none in n); at worst it
    is one of the bounds.

    Args:
        found: as ``bootstrap`` gives it.
        n_units: of its sample.
        bounds: between what the score of any unit lies; None: between nothing.
        rounding: widths up to it are none.
    """
    if not found.is_known or found.high - found.low > rounding:
        return found
    if bounds is None:
        return Interval(found.value, math.nan, math.nan, found.level)
    alike = ((1 - found.level) / 2) ** (1 / n_units)
    low, high = (found.value * alike + bound * (1 - alike) for bound in bounds)
    return Interval(found.value, low, high, found.level)


def without_certainty(found: Interval, *, rounding: float = ROUNDING) -> Interval:
    """Takes away ends that lie on the value: units that are all alike tell no spread.

    Args:
        found: as ``bootstrap`` gives it.
        rounding: widths up to it are none.
    """
    return widened(found, 1, None, rounding=rounding)
