"""Sample: what each example adds to a score, so that the score of any resample is one product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]
"""Sums over examples [..., K] -> scores [...]. A score that is not defined is NaN."""


def mean(sums: np.ndarray) -> np.ndarray:
    """The mean, of sums of values and of ones: [..., 2] -> [...]."""
    return ratio(sums)


def ratio(sums: np.ndarray) -> np.ndarray:
    """A sum over another: [..., 2] -> [...]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1]


@dataclass(frozen=True, slots=True)
class Sample:
    """One model's results on C independent units: examples, or documents with several of them.

    Attributes:
        sums: [C, K] float64, what each unit adds.
        statistic: makes the score of their total.
        n_examples: in all units together.
        columns: names of the K sums, in order, of a statistic that takes any set of them; (): it
            takes just these.
    """

    sums: np.ndarray
    statistic: Statistic
    n_examples: int
    columns: tuple[tuple[int, str], ...] = ()

    @property
    def n_units(self) -> int:
        """C, what is drawn anew in a resample."""
        return len(self.sums)

    @property
    def value(self) -> float:
        """The score of all units."""
        return float(self.statistic(self.sums.sum(0)))

    def without_each(self) -> np.ndarray:
        """The scores with one unit left out, [C]; the jackknife's."""
        return self.statistic(self.sums.sum(0) - self.sums)


def sample(
    parts: np.ndarray | Sequence[Sequence[float]],
    statistic: Statistic,
    clusters: Sequence[str] | None = None,
    columns: tuple[tuple[int, str], ...] = (),
) -> Sample:
    """Results of examples, those of one document taken together.

    Args:
        parts: [N, K], what each of N examples adds.
        statistic: makes the score of their sums.
        columns: see :class:`Sample`.
        clusters: for each example the document or conversation it is of; None: all stand alone.

    Raises:
        ValueError: there is no example, or ``clusters`` are not as many.
    """
    found = np.asarray(parts, np.float64)
    if not len(found):
        raise ValueError("no example to score")
    if clusters is None:
        return Sample(found, statistic, len(found), columns)
    if len(clusters) != len(found):
        raise ValueError(f"{len(found)} examples and {len(clusters)} clusters")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    sums = np.zeros((len(numbers), found.shape[1]))
    np.add.at(sums, [numbers[name] for name in clusters], found)
    return Sample(sums, statistic, len(found), columns)


def sample_of_values(
    values: Sequence[float] | np.ndarray, clusters: Sequence[str] | None = None
) -> Sample:
    """Results whose score is their mean, [N]."""
    found = np.asarray(values, np.float64)
    return sample(np.stack([found, np.ones_like(found)], 1), mean, clusters)


def paired(one: Sample, other: Sample) -> Sample:
    """Two models' results on the same units; the score is the first's less the second's.

    Raises:
        ValueError: they are not of the same units.
    """
    one, other = aligned(one, other)
    n_sums, statistic = one.sums.shape[1], one.statistic

    def difference(sums: np.ndarray) -> np.ndarray:
        return statistic(sums[..., :n_sums]) - statistic(sums[..., n_sums:])

    return Sample(np.hstack([one.sums, other.sums]), difference, one.n_examples)


def aligned(one: Sample, other: Sample) -> tuple[Sample, Sample]:
    """Both with the same columns, so that results can be exchanged; what one lacks is 0 there.

    One model may have answered with a class that the other never named.

    Raises:
        ValueError: they are not of the same units.
    """
    columns = tuple(sorted({*one.columns, *other.columns}))
    if columns:
        one, other = (_with_columns(each, columns) for each in (one, other))
    if one.sums.shape != other.sums.shape or one.n_examples != other.n_examples:
        raise ValueError("two samples of different units cannot be compared")
    return one, other


def count_alike(one: Sample, other: Sample) -> bool:
    """Whether two models have as many of what a ratio is for each of, unit by unit."""
    return np.array_equal(one.sums[:, -1], other.sums[:, -1])


def _with_columns(sample: Sample, columns: tuple[tuple[int, str], ...]) -> Sample:
    sums = np.zeros((sample.n_units, len(columns)))
    sums[:, [columns.index(name) for name in sample.columns]] = sample.sums
    return Sample(sums, sample.statistic, sample.n_examples, columns)
