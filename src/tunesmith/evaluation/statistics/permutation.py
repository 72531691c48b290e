"""Permutation: how often chance alone would part two models as far as they are apart."""

from __future__ import annotations

import numpy as np

from tunesmith.evaluation.statistics.sample import Sample, aligned

PERMUTATIONS = 10_000
CHUNK = 2**22
"""Exchanges held at once."""
ROUNDING = 1e-12
"""Differences that are as large but for rounding count as large."""


def permutation_test(
    one: Sample, other: Sample, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Two-sided p-value of "it makes no difference which of the two answered".

    Under it the two models' results on a unit could be exchanged. All exchanges are made where they
    are no more than ``permutations``; else as many random ones, the observed one among them, so
    that p is never 0 (Phipson and Smyth 2010, arXiv:1603.05766).

    Args:
        one: C units.
        other: the same units.
        permutations: at most.
        seed: of random ones.

    Raises:
        ValueError: they are not of the same units.
    """
    one, other = aligned(one, other)
    observed = abs(one.value - other.value)
    if np.isnan(observed):
        return 1.0
    gap = other.sums - one.sums
    differing = np.flatnonzero(np.abs(gap).any(1))  # the others change nothing
    gap, totals = gap[differing], (one.sums.sum(0), other.sums.sum(0))
    n_differing = len(differing)
    is_exact = 2**n_differing <= permutations
    n_all = 2**n_differing if is_exact else permutations
    generator = np.random.default_rng(seed)
    at_once = max(1, CHUNK // max(1, n_differing))
    n_as_far = 0
    for start in range(0, n_all, at_once):
        n = min(at_once, n_all - start)
        if is_exact:
            numbers = np.arange(start, start + n)[:, None]
            exchanged = (numbers >> np.arange(n_differing)) & 1
        else:
            exchanged = generator.integers(0, 2, (n, n_differing), np.int8)
        moved = exchanged.astype(np.float64) @ gap  # [n, K]
        apart = np.abs(one.statistic(totals[0] + moved) - one.statistic(totals[1] - moved))
        n_as_far += int((apart >= observed - ROUNDING * max(1.0, observed)).sum())
    return n_as_far / n_all if is_exact else (n_as_far + 1) / (n_all + 1)


def holm(p_values: list[float]) -> list[float]:
    """P-values of several comparisons, raised so that all of them hold at once.

    Source: Holm 1979, Scand. J. Statist. 6, 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    raised, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        raised[place] = highest
    return raised
