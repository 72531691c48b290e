"""Rate: how often one of two things happened rather than the other, and whether it is chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.evaluation.statistics.bootstrap import Interval
from tunesmith.evaluation.statistics.no_width import interval_of
from tunesmith.evaluation.statistics.permutation import permutation_test
from tunesmith.evaluation.statistics.sample import Sample, ratio, sample


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of what was counted.

    Attributes:
        interval: the share with its ends; NaN where nothing was counted.
        p: two-sided, of "both are as likely"; None: one unit alone tells nothing.
        n: what was counted in all.
        n_units: that it was counted in: examples, or clusters of them.
    """

    interval: Interval
    p: float | None
    n: float
    n_units: int = 0


def rate(
    of_one: Sequence[float], of_other: Sequence[float], clusters: Sequence[str] | None, *, seed: int
) -> Rate:
    """The share of ``one`` in both together, of N examples.

    Args:
        of_one: how often it was the one, of each example; half a tie counts half.
        of_other: how often it was the other.
        clusters: what each example is of; those of one cluster count as one unit. None: all stand
            alone.
        seed: of resamples and exchanges.
    """
    n = float(sum(of_one) + sum(of_other))
    if not n:
        return Rate(Interval(math.nan, math.nan, math.nan), None, 0.0)
    together = np.stack([np.asarray(of_one, float), np.add(of_one, of_other)], 1)
    counted = together[:, 1] > 0  # the others say nothing, and are no units
    names = None
    if clusters is not None:
        names = [name for name, is_in in zip(clusters, counted, strict=True) if is_in]
    units = sample(together[counted], ratio, names)
    if units.n_units < 2:
        return Rate(Interval(units.value, math.nan, math.nan), None, n, units.n_units)
    found = interval_of(units, is_share=True, seed=seed)
    return Rate(found, _p(units, seed), n, units.n_units)


def _p(units: Sample, seed: int) -> float:
    """Exchanges, unit by unit, what was of one and of the other."""
    one, both = units.sums[:, :1], units.sums[:, 1:]
    sides = [Sample(np.hstack([s, both]), ratio, units.n_examples) for s in (one, both - one)]
    return permutation_test(*sides, seed=seed)
