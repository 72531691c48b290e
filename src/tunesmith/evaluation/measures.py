"""Measures: what the scores of some metrics are called and mean, for tables and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tunesmith.evaluation.metrics.chosen import chosen


@dataclass(frozen=True)
class Measures:
    """Words for scores.

    Attributes:
        headings: by the name of each score that is shown, in the order of columns.
        verdict: the one to judge by.
        lower_is_better: names of those that are errors.
        about: what they say, in a few sentences.
        details: what else there is to know of them; may be empty.
        scales: between what scores lie, where that is not 0 to 1; empty: between nothing.
        empty: what an answer without text says.
    """

    headings: dict[str, str]
    verdict: str
    lower_is_better: frozenset[str] = frozenset()
    about: str = ""
    details: str = ""
    scales: Mapping[str, str] = field(default_factory=dict)
    empty: str = "an empty answer"

    def best(self, values: Sequence[float | None], name: str) -> float | None:
        """The best of some values; None where none is known."""
        known = [value for value in values if value is not None]
        choose = min if name in self.lower_is_better else max
        return choose(known, default=None)


def measures_of(names: Sequence[str]) -> Measures:
    """What the scores of some metrics are called and mean; the first metric judges.

    Raises:
        RecipeError: one of them cannot be used; see :func:`chosen`.
    """
    metrics = chosen(names)
    return Measures(
        headings={score: words for m in metrics for score, words in m.headings.items()},
        verdict=metrics[0].gives[0],
        lower_is_better=frozenset(s for m in metrics if not m.higher_is_better for s in m.gives),
        about=" ".join(dict.fromkeys(m.about for m in metrics if m.about)),
        details=" ".join(dict.fromkeys(m.details for m in metrics if m.details)),
        scales={score: words for m in metrics for score, words in m.scales.items()},
        empty=metrics[0].empty,
    )
