"""Side by side: models' scores on the same examples with intervals, and what parts each pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from tunesmith.evaluation.figures import known
from tunesmith.evaluation.statistics.bootstrap import ROUNDING, Interval
from tunesmith.evaluation.statistics.no_width import interval_of
from tunesmith.evaluation.statistics.permutation import holm
from tunesmith.evaluation.statistics.sample import Sample, count_alike
from tunesmith.evaluation.statistics.verdict import Comparison, compare


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models by one score.

    Attributes:
        one: name of the first.
        other: of the one it is compared with.
        score: name of the score.
        comparison: the first's less the other's.
    """

    one: str
    other: str
    score: str
    comparison: Comparison

    def told(self, *, points: bool = True) -> dict[str, Any]:
        """Ready for JSON.

        Args:
            points: whether the score lies between 0 and 1, so that hundredths are points.
        """
        found = self.comparison
        return {
            "one": self.one,
            "other": self.other,
            "score": self.score,
            "difference": known(found.difference.value),
            "low": known(found.difference.low),
            "high": known(found.difference.high),
            "p": found.p,
            "p_corrected": found.p_corrected,
            "least": known(found.least),
            "verdict": found.word,
            "sentence": found.sentence(points=points),
        }


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Everything that the examples tell of some models.

    Attributes:
        intervals: by model, by score.
        pairs: every two models by every score that both have; the later model against the earlier.
    """

    intervals: dict[str, dict[str, Interval]]
    pairs: list[Pair]

    def of(self, score: str) -> list[Pair]:
        """The pairs by one score."""
        return [pair for pair in self.pairs if pair.score == score]


def side_by_side(
    samples: Mapping[str, Mapping[str, Sample]],
    scores: Sequence[str],
    *,
    lower_is_better: frozenset[str] = frozenset(),
    is_share: Mapping[str, bool] | None = None,
    values: Mapping[str, Mapping[str, float]] | None = None,
    same_counts: frozenset[str] = frozenset(),
    seed: int = 0,
) -> SideBySide:
    """Compares models that answered the same examples in the same order.

    P-values are corrected among the pairs of one score (Holm), since one table is read as a whole.

    Args:
        samples: by model, by score.
        scores: names of those that are compared.
        lower_is_better: names of errors.
        is_share: whether a score lies between 0 and 1, so that a set is sized for two points; of
            others it is sized for a tenth of the first model's score. None: all are.
        same_counts: names of ratios that part two models only where both count alike, as tokens.
        values: by model, by score; those that no sample gives are told without an interval.
        seed: of resamples and exchanges; the same seed gives the same figures.
    """
    intervals = {
        name: _intervals(of_model, (values or {}).get(name, {}), scores, is_share, seed)
        for name, of_model in samples.items()
    }
    pairs: list[Pair] = []
    for score in scores:
        found: list[Pair] = []
        for other, one in combinations([n for n in samples if score in samples[n]], 2):
            is_points = is_share is None or is_share.get(score, True)
            reference = abs(samples[other][score].value)
            both = (samples[one][score], samples[other][score])
            if score in same_counts and not count_alike(*both):
                continue
            comparison = compare(
                *both,
                higher_is_better=score not in lower_is_better,
                is_share=_is_share(score, is_share, *both),
                seed=seed,
                **({} if is_points else {"shown": _two_figures(reference / 10)}),
            )
            found.append(Pair(one, other, score, comparison))
        pairs += _corrected(found)
    return SideBySide(intervals, pairs)


def worse(
    before: Sequence[float], after: Sequence[float], *, higher_is_better: bool = True
) -> list[tuple[int, float]]:
    """Places of the examples that got worse and by how much, the worst first.

    Args:
        before: scores of N examples; NaN where one has none.
        after: scores of the same.
        higher_is_better: of the score.
    """
    sign = 1 if higher_is_better else -1
    lost = [
        (place, sign * (old - new))
        for place, (old, new) in enumerate(zip(before, after, strict=True))
        if sign * (old - new) > ROUNDING * max(1.0, abs(old), abs(new))
    ]
    return sorted(lost, key=lambda one: (-one[1], one[0]))


def _intervals(
    samples: Mapping[str, Sample],
    values: Mapping[str, float],
    scores: Sequence[str],
    is_share: Mapping[str, bool] | None,
    seed: int,
) -> dict[str, Interval]:
    """One model's scores; without ends where no sample tells them."""
    found: dict[str, Interval] = {}
    for score in scores:
        if score in samples:
            one = samples[score]
            found[score] = interval_of(one, is_share=_is_share(score, is_share, one), seed=seed)
        elif score in values:
            found[score] = Interval(values[score], math.nan, math.nan)
    return found


def _is_share(score: str, is_share: Mapping[str, bool] | None, *samples: Sample) -> bool:
    """Whether a score lies between 0 and 1, as it is said and as these do."""
    return (is_share is None or is_share.get(score, True)) and all(
        0.0 <= one.value <= 1.0 for one in samples
    )


def _corrected(pairs: list[Pair]) -> list[Pair]:
    known = [place for place, pair in enumerate(pairs) if pair.comparison.p is not None]
    raised = holm([float(pairs[place].comparison.p or 0.0) for place in known])
    found = list(pairs)
    for place, p in zip(known, raised, strict=True):
        comparison = replace(pairs[place].comparison, p_corrected=p, n_pairs=len(known))
        found[place] = replace(pairs[place], comparison=comparison)
    return found


def _two_figures(value: float) -> float:
    return float(f"{value:.2g}") if value > 0 and math.isfinite(value) else 1.0
