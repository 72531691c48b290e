"""Compared result: what ``comparison.json`` holds of models that answered the same examples."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tunesmith.evaluation.figures import known
from tunesmith.evaluation.measures import Measures
from tunesmith.evaluation.score import Scored
from tunesmith.evaluation.side_by_side import SideBySide
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.compared_scores import ComparedScores
from tunesmith.pipelines.kept_answers import Kept

PUT_IN_SECONDS = 4
"""Decimals of the seconds that are told."""


def result_of(
    request: CompareRequest,
    data: ComparedData,
    measures: Measures,
    found: ComparedScores,
    parted: SideBySide,
) -> dict[str, Any]:
    """Puts a comparison into the form that is kept and shown.

    Args:
        request: what was compared.
        data: what was asked.
        measures: what the scores are called.
        found: answers and scores of each model.
        parted: intervals and differences of the scores.
    """
    notes = [note for one in found.scored.values() if one.found for note in one.found.notes]
    return {
        "source": data.source,
        "n": len(data.examples),
        "n_clusters": len(set(data.clusters or [])) or None,
        "left_out": data.n_left_out,
        "rejected": {"n": len(data.rejected), "first": list(data.rejected[:3])},
        "task": data.task.name,
        "judged_by": measures.verdict,
        "headings": dict(measures.headings),
        "lower_is_better": sorted(measures.lower_is_better),
        "empty": measures.empty,
        "notes": list(dict.fromkeys(notes)),
        "models": {
            name: {
                "scores": {
                    score: {k: known(v) for k, v in asdict(interval).items() if k != "level"}
                    for score, interval in parted.intervals.get(name, {}).items()
                },
                **_shares(one, found.answers[name][0], data),
            }
            for name, one in found.scored.items()
        },
        "pairs": [pair.told(points=pair.score not in measures.scales) for pair in parted.pairs],
        "failed": dict(found.failed),
        "request": {k: v for k, v in asdict(request).items() if v is not None},
    }


def _shares(one: Scored, kept: Kept, data: ComparedData) -> dict[str, Any]:
    """What is told of a model beside its scores."""
    told: dict[str, Any] = {
        name: value
        for name, value in one.scores.items()
        if name.endswith("_fraction") or name == "cost_per_1000"
    }
    if kept.template is not None:
        told["template"] = kept.template
    if kept.seconds is not None and kept.is_all_timed:
        told["seconds"] = round(kept.seconds, PUT_IN_SECONDS)
    if data.task.judged_by == "running-text":
        return told  # nothing was written: the tokens are those of the texts
    counts = [answer.n_tokens for answer in kept.answered if answer.n_tokens is not None]
    if kept.tokens_per_s is not None:
        told["tokens_per_s"] = kept.tokens_per_s
    if counts:
        told["mean_tokens"] = sum(counts) / len(counts)
    n_empty = sum(not answer.text.strip() and not answer.why for answer in kept.answered)
    if n_empty:
        told["empty_fraction"] = n_empty / len(kept.answered)
    if data.task.answers_freely:
        right = [len(str(data.task.references(e)[0])) for e in data.examples]
        said = [len(answer.text) for answer in kept.answered]
        told["length_ratio"] = sum(said) / max(1, sum(right))
    return told
