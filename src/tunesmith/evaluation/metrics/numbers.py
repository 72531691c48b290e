"""Numbers: how far answers are from the right ones, and whether they rise and fall together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Kind, Metric, Parts, Scores
from tunesmith.evaluation.statistics.sample import ratio

WITHOUT_INTERVAL = (
    "Spearman's correlation has no interval and no test: an answer's rank depends on who else is "
    "there."
)


class SquaredError(Metric):
    """Mean squared and mean absolute error, over the answers that are numbers."""

    name: Literal["squared-error"] = "squared-error"
    fits: ClassVar[frozenset[Kind]] = frozenset({"numbers"})
    gives: ClassVar[tuple[str, ...]] = ("mse", "mae")
    headings: ClassVar[Mapping[str, str]] = {"mse": "Squared error", "mae": "Absolute error"}
    higher_is_better: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, str]] = {"mse": "", "mae": ""}
    about: ClassVar[str] = (
        "The squared error is the mean square of the distance from the right number. Lower is "
        "better. Answers that are no number are left out of it."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Nothing where no answer is a number; of each that is one, its own two errors."""
        said, right = _numbers(answers, references)
        errors = said - right
        known = errors[~np.isnan(errors)]
        rows = [{} if np.isnan(e) else {"mse": float(e * e), "mae": float(abs(e))} for e in errors]
        if not len(known):
            return Scores({}, rows)
        values = {"mse": float((known**2).mean()), "mae": float(np.abs(known).mean())}
        is_known = (~np.isnan(errors)).astype(np.float64)
        filled = np.nan_to_num(errors)
        parts = {
            "mse": Parts(np.stack([filled**2, is_known], 1), ratio),
            "mae": Parts(np.stack([np.abs(filled), is_known], 1), ratio),
        }
        return Scores(values, rows, parts)


class Correlation(Metric):
    """Pearson's and Spearman's correlation, over the answers that are numbers."""

    name: Literal["correlation"] = "correlation"
    fits: ClassVar[frozenset[Kind]] = frozenset({"numbers"})
    gives: ClassVar[tuple[str, ...]] = ("pearson", "spearman")
    headings: ClassVar[Mapping[str, str]] = {"pearson": "Pearson", "spearman": "Spearman"}
    scales: ClassVar[Mapping[str, str]] = {"pearson": "-1 to 1", "spearman": "-1 to 1"}
    details: ClassVar[str] = (
        "Pearson's correlation says how straight the line is on which answers and right numbers "
        "lie, Spearman's whether they come in the same order; 1 is perfect, 0 is chance."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Nothing where one side is constant, as a correlation with it has no meaning."""
        said, right = _numbers(answers, references)
        known = ~np.isnan(said)
        sums = _moments(np.where(known, said, 0.0), right) * known[:, None]
        said, right = said[known], right[known]
        rows: list[dict[str, float]] = [{} for _ in answers]
        if not len(said) or np.ptp(said) == 0 or np.ptp(right) == 0:
            return Scores({}, rows)
        values = {
            "pearson": _pearson(said, right),
            "spearman": _pearson(_ranks(said), _ranks(right)),
        }
        # Ranks depend on who else is there, so that Spearman's is no function of sums.
        return Scores(values, rows, {"pearson": Parts(sums, _correlation)}, (WITHOUT_INTERVAL,))


def _numbers(
    answers: Sequence[Answer], references: Sequence[Sequence[Answer]]
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as float64; NaN where an answer is no number."""
    said = [answer if isinstance(answer, float) else np.nan for answer in answers]
    right = [r[0] if isinstance(r[0], float) else np.nan for r in references]
    return np.array(said, np.float64), np.array(right, np.float64)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / np.sqrt((a @ a) * (b @ b)))


def _moments(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What each pair adds: [N, 6]. Shifted, so that large numbers leave digits for the spread."""
    a, b = a - np.mean(a), b - np.mean(b)
    return np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], 1)


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Pearson's of sums of moments, [..., 6]; NaN where one side is constant."""
    n, a, b, aa, bb, ab = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (n * ab - a * b) / np.sqrt((n * aa - a * a) * (n * bb - b * b))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in order, from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place]
