"""Measures: what the scores of some metrics are called and mean, for tables and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.statistics.sample import Sample, count_alike

FAIR = ("bits_per_byte", "word_perplexity")
"""What models with different tokenizers are judged by, the fairest first."""


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
        same_counts: names of those that tell models apart only where these count alike, as tokens.
    """

    headings: dict[str, str]
    verdict: str
    lower_is_better: frozenset[str] = frozenset()
    about: str = ""
    details: str = ""
    scales: Mapping[str, str] = field(default_factory=dict)
    empty: str = "an empty answer"
    same_counts: frozenset[str] = frozenset()

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
        same_counts=frozenset(s for m in metrics for s in m.same_counts),
    )


def fair(measures: Measures, samples: Mapping[str, Mapping[str, Sample]]) -> Measures:
    """The same, judged by what does not depend on the tokenizer, where models have several.

    Args:
        measures: of the metrics that were named.
        samples: by model, by score.
    """
    judged = measures.verdict
    of = [known[judged] for known in samples.values() if judged in known]
    if judged not in measures.same_counts or all(count_alike(of[0], one) for one in of[1:]):
        return measures
    known = [score for score in FAIR if score in measures.headings]
    return replace(measures, verdict=known[0] if known else judged)
