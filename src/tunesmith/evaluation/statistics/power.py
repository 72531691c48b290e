"""Power: the least difference that so many examples can show, and how many would show less.

Where several pairs are compared, the least p-value of m is raised m times (Holm); so a difference
is sized for a share of false alarms of 0.05 / m, which is what the most telling pair has to reach.
"""

from __future__ import annotations

import math

import numpy as np

from tunesmith.evaluation.statistics.bootstrap import NORMAL
from tunesmith.evaluation.statistics.sample import Sample

ALPHA = 0.05
"""Share of false alarms among all pairs of a table."""
POWER = 0.8
"""Share of comparisons in which a true difference of that size would be seen."""


def standard_error(sample: Sample) -> float:
    """Of a score, from the jackknife over its units; NaN of one unit."""
    left_out, n = sample.without_each(), sample.n_units
    if n < 2:
        return math.nan
    return math.sqrt((n - 1) / n * float(((left_out - np.mean(left_out)) ** 2).sum()))


def least_difference(error: float, *, n_pairs: int = 1, power: float = POWER) -> float:
    """The smallest true difference that would be seen with so many units and such a spread.

    Args:
        error: standard error of the difference of two models on the same units.
        n_pairs: that are compared at once.
        power: share of true differences that are seen.
    """
    reach = NORMAL.inv_cdf(1 - ALPHA / n_pairs / 2) + NORMAL.inv_cdf(power)
    return reach * error


def examples_for(
    n_examples: int, error: float, wanted: float, *, n_pairs: int = 1, power: float = POWER
) -> int | None:
    """About how many examples would show a difference of ``wanted``; None: it cannot be told.

    The spread is taken to stay as it is; the error shrinks with the root of their number.

    Args:
        n_examples: that the error is of.
        error: standard error of the difference.
        wanted: the difference.
        n_pairs: that are compared at once.
        power: share of true differences that are seen.
    """
    least = least_difference(error, n_pairs=n_pairs, power=power)
    if not wanted > 0 or math.isnan(least) or least == 0:
        return None
    return math.ceil(n_examples * (least / wanted) ** 2)


def fewest_units(n_pairs: int = 1) -> int:
    """With how many units a permutation test can tell any difference at all.

    Of n units there are 2^n exchanges, and at least two of them part the models as far as they are
    apart, so p is never below 2^(1 - n), and among m pairs never below m times that.
    """
    return next(n for n in range(1, 1000) if n_pairs * 2.0 ** (1 - n) <= ALPHA)
