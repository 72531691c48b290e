"""Score: answers by several metrics at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.metrics.metric import Scores


def score_answers(
    names: Iterable[str], answers: Sequence[Answer], references: Sequence[Sequence[Answer]]
) -> Scores:
    """The scores of all named metrics together.

    Raises:
        RecipeError: there is no metric of a name.
    """
    together = Scores({}, [{} for _ in answers])
    for name in names:
        found = METRICS.parse(name).score(answers, references)
        together.values.update(found.values)
        for row, scores in zip(together.rows, found.rows, strict=True):
            row.update(scores)
    return together
