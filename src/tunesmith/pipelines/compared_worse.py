"""Compared worse: the examples that score less with one model of a comparison than with another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.core.examples import Example
from tunesmith.evaluation.measures import Measures
from tunesmith.evaluation.score import Scored
from tunesmith.evaluation.side_by_side import worse


@dataclass(frozen=True, slots=True)
class GotWorse:
    """What got worse.

    Attributes:
        by_model: the examples that score less than with the model they are held against, the worst
            first.
        score: by which; None: no score here has a value of a single example.
        notes: what is to be known of it.
    """

    by_model: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    score: str | None = None
    notes: list[str] = field(default_factory=list)


def got_worse(
    against: str,
    examples: Sequence[Example],
    measures: Measures,
    scored: Mapping[str, Scored],
    failed: Mapping[str, str],
) -> GotWorse:
    """Finds the examples that score less than with one of the models.

    They are told by the score that is judged by, else by the first that single examples have: F1
    over classes and correlations are of all examples together.

    Args:
        against: name of the model.
        examples: that all answered.
        measures: what the scores are called.
        scored: by model and road.
        failed: by model, why it was not compared.
    """
    names = [name for name in scored if name.split("/")[0] == against]
    if not names:
        why = failed.get(against, "it has no scores")
        return GotWorse(
            notes=[
                f"--against {against}: that model was not compared ({why}), so no examples are "
                "listed. The same command asks it again."
            ]
        )
    judged = measures.verdict
    words = measures.headings.get(judged, judged)
    score = next(
        (one for one in (judged, *measures.headings) if _has_values(scored.values(), one)), None
    )
    if score is None:
        return GotWorse(
            notes=[
                f"--against {against}: {words} has no value of a single example, so no examples "
                "are listed. Add a metric that has, as with --metric accuracy."
            ]
        )
    notes: list[str] = []
    if score != judged:
        notes.append(
            f"--against {against}: {words} has no value of a single example, so examples are "
            f"listed that are worse by {measures.headings[score]}."
        )
    old = _by_row(scored[names[0]], score)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, one in scored.items():
        if name in names:
            continue
        new = _by_row(one, score)
        lost = worse(old, new, higher_is_better=score not in measures.lower_is_better)
        found[name] = [
            {
                "example": place,
                "origin": examples[place].origin,
                "before": old[place],
                "after": new[place],
                "by": by,
            }
            for place, by in lost
        ]
    return GotWorse(found, score, notes)


def _has_values(scored: Iterable[Scored], score: str) -> bool:
    return any(not math.isnan(value) for one in scored for value in _by_row(one, score))


def _by_row(one: Scored, score: str) -> list[float]:
    return [row.get(score, float("nan")) for row in one.rows]
