"""Power: the least difference that so many examples can show, and how many would show less."""

from __future__ import annotations

import math

import numpy as np

from tunesmith.evaluation.statistics.bootstrap import NORMAL
from tunesmith.evaluation.statistics.sample import Sample

POWER = 0.8
"""Share of comparisons in which a true difference of that size would be seen."""


def standard_error(sample: Sample) -> float:
    """Of a score, from the jackknife over its units; NaN of one unit."""
    left_out, n = sample.without_each(), sample.n_units
    if n < 2:
        return math.nan
    return math.sqrt((n - 1) / n * float(((left_out - np.mean(left_out)) ** 2).sum()))


def least_difference(difference: Sample, *, level: float = 0.95, power: float = POWER) -> float:
    """The smallest true difference that would be seen with this sample's units and spread.

    Args:
        difference: two models on the same units, as
            :func:`tunesmith.evaluation.statistics.sample.paired` gives it.
        level: 1 less the share of false alarms.
        power: share of true differences that are seen.
    """
    reach = NORMAL.inv_cdf(0.5 + level / 2) + NORMAL.inv_cdf(power)
    return reach * standard_error(difference)


def examples_for(
    difference: Sample, wanted: float, *, level: float = 0.95, power: float = POWER
) -> int | None:
    """About how many examples would show a difference of ``wanted``; None: it cannot be told.

    The spread is taken to stay as it is; the error shrinks with the root of their number.
    """
    least = least_difference(difference, level=level, power=power)
    if not wanted > 0 or math.isnan(least) or least == 0:
        return None
    return math.ceil(difference.n_examples * (least / wanted) ** 2)
