"""Score: answers by several metrics at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tunesmith.core.answers import Answer, Road, shown
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example
from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.metrics.metric import Scores
from tunesmith.evaluation.metrics.own import ScoreError
from tunesmith.evaluation.roads import Answered
from tunesmith.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Scored:
    """One model's answers to the same examples by one road."""

    scores: dict[str, float]
    """By name, over all answers: those of the metrics, and shares of answers: ``cut_fraction``
    (ran into the token limit), ``prompt_cut_fraction`` (what they were given had to be shortened),
    ``unread_fraction`` (could not be read; only where a text has to be), ``refused_fraction``
    (declined or withheld; only where some were), ``unanswered_fraction`` (could never be answered,
    as where the request does not fit, and are scored as empty answers; only where some were); and
    ``cost_per_1000`` answers, where prices are known."""
    rows: list[dict[str, Any]]
    """Per answer: ``text``, ``cut``, its scores; where it was read or weighed also ``answer`` and
    ``weighed``."""
    found: Scores | None = None
    """What the metrics found, of which intervals can be had."""


def score_answers(
    names: Iterable[str], answers: Sequence[Answer], references: Sequence[Sequence[Answer]]
) -> Scores:
    """The scores of all named metrics together.

    Raises:
        RecipeError: a metric cannot be used.
        DataError: there is no answer, not as many as references, or one has no reference answer.
        ScoreError: a metric of the user's own cannot score an answer.
    """
    _require_pairs(answers, references)
    together = Scores({}, [{} for _ in answers])
    notes: list[str] = []
    for metric in chosen(names):
        found = metric.score(answers, references)
        together.values.update(found.values)
        for row, scores in zip(together.rows, found.rows, strict=True):
            row.update(scores)
        together.parts.update(found.parts)
        notes += [note for note in found.notes if note not in notes]
    return replace(together, notes=tuple(notes))


def _require_pairs(answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> None:
    if len(answers) != len(references):
        raise DataError(
            f"{len(answers)} answers, and reference answers for {len(references)} examples. Give "
            "one answer for each example, in their order."
        )
    if not answers:
        raise DataError("no answers to score. Give at least one.")
    for place, accepted in enumerate(references, 1):
        if not accepted:
            raise DataError(
                f"answer {place}: no reference answer to score it against. Leave such examples out."
            )


def score(
    task: Task,
    examples: Sequence[Example],
    answered: Sequence[Answered],
    road: Road | None,
    metrics: Iterable[str] | None = None,
) -> Scored:
    """Scores what was answered.

    Args:
        task: settled.
        examples: each with a reference answer.
        answered: one for each.
        road: by which they came; None: by none, as the best constant answer.
        metrics: names; None: the task's own.

    Raises:
        RecipeError: a metric cannot be used.
        DataError: a metric of the user's own cannot score an answer; names the example.
    """
    names = task.metrics if metrics is None else metrics
    references = [task.references(example) for example in examples]
    try:
        found = score_answers(names, [one.answer for one in answered], references)
    except ScoreError as error:
        raise DataError(f"{examples[error.place].origin}: {error.told}") from error
    n = len(answered)
    scores = {**found.values, "cut_fraction": sum(one.cut for one in answered) / n}
    if road is not None:
        scores["prompt_cut_fraction"] = sum(one.n_prompt_cut > 0 for one in answered) / n
    is_text = task.answers_freely
    if road == "generate" and not is_text:
        scores["unread_fraction"] = sum(one.answer is None and not one.why for one in answered) / n
    if any(one.refused for one in answered):
        scores["refused_fraction"] = sum(one.refused for one in answered) / n
    if any(one.why for one in answered):
        scores["unanswered_fraction"] = sum(bool(one.why) for one in answered) / n
    costs = [one.cost for one in answered if one.cost is not None]
    if costs:
        scores["cost_per_1000"] = 1000 * sum(costs) / len(costs)
    rows = [
        {"text": one.text, "cut": one.cut, **({} if is_text else _details(one)), **row}
        for one, row in zip(answered, found.rows, strict=True)
    ]
    return Scored(scores, rows, found)


def _details(one: Answered) -> dict[str, Any]:
    details: dict[str, Any] = {"answer": None if one.answer is None else shown(one.answer)}
    if one.weighed:
        details["weighed"] = {name: round(p, 6) for name, p in one.weighed}
    return details
