"""Kappa: how far two judges agree beyond what chance alone would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.evaluation.statistics.bootstrap import Interval, bootstrap
from tunesmith.evaluation.statistics.no_width import without_certainty
from tunesmith.evaluation.statistics.sample import sample


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two judges of the same things.

    Attributes:
        kappa: 1: they never differ, 0: as chance would have it; NaN where both said one and the
            same thing of everything, which chance alone explains. Without ends where no resample
            differs, as of judges who never do.
        alike: share of what they say alike.
        n: things that both judged.
    """

    kappa: Interval
    alike: float
    n: int


def cohen_kappa(
    one: Sequence[str],
    other: Sequence[str],
    clusters: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> Agreement:
    """Cohen's kappa: (alike - chance) / (1 - chance), with a BCa interval over clusters.

    Args:
        one: what the first judge said of each of N things.
        other: what the second said of the same.
        clusters: what each is of; None: each stands alone.
        seed: of resamples.

    Raises:
        ValueError: there is nothing that both judged.

    Source: Cohen 1960, Educ. Psychol. Meas. 20, 37-46.
    """
    words = sorted({*one, *other})
    table = np.zeros((len(one), len(words), len(words)))
    for place, (a, b) in enumerate(zip(one, other, strict=True)):
        table[place, words.index(a), words.index(b)] = 1
    units = sample(table.reshape(len(one), -1), _kappa, clusters)
    n_alike = sum(a == b for a, b in zip(one, other, strict=True))
    kappa = without_certainty(bootstrap(units, seed=seed))
    return Agreement(kappa, n_alike / len(one), len(one))


def _kappa(sums: np.ndarray) -> np.ndarray:
    """Of tables of counts, [..., W * W] -> [...]."""
    n_words = round(sums.shape[-1] ** 0.5)
    table = sums.reshape(*sums.shape[:-1], n_words, n_words)
    n = table.sum((-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.trace(table, axis1=-2, axis2=-1) / n
        chance = (table.sum(-1) * table.sum(-2)).sum(-1) / n**2
        return np.where(chance < 1, (alike - chance) / (1 - chance), np.nan)
