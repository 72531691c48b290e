"""Harness result: what the harness said of models -> scores with intervals, and what parts them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from tunesmith.evaluation.figures import known
from tunesmith.evaluation.side_by_side import side_by_side
from tunesmith.evaluation.statistics.sample import Sample, sample_of_values
from tunesmith.pipelines.harness_asking import Done

SAME = 1e-9
"""A score is the mean of its examples where both are as near as that."""


def told(
    found: Mapping[str, Done], failed: Mapping[str, str], version: str, seed: int
) -> dict[str, Any]:
    """What ``harness.json`` holds.

    Args:
        found: by model, at least one.
        failed: models that did no task, with the reason.
        version: of the harness.
        seed: of resamples.
    """
    own = {name: _own(done.told) for name, done in found.items()}
    samples = {name: _samples(done.told, own[name]) for name, done in found.items()}
    scores = list(dict.fromkeys(score for each in own.values() for score in each))
    lower = _lower_is_better(found, scores)
    compared = side_by_side(samples, scores, lower_is_better=lower, seed=seed)
    return {
        "version": version,
        "n": {
            task: counts["effective"]
            for done in found.values()
            for task, counts in done.told["n-samples"].items()
        },
        "headings": {score: score for score in scores},
        "lower_is_better": sorted(lower),
        "models": {
            name: {
                "scores": {
                    score: _interval(value["value"], compared.intervals[name].get(score))
                    for score, value in own[name].items()
                },
                "harness": own[name],
            }
            for name in found
        },
        "pairs": [pair.told() for pair in compared.pairs],
        "failed": dict(failed),
        "left_out": {name: done.left_out for name, done in found.items() if done.left_out},
    }


def _lower_is_better(found: Mapping[str, Done], scores: list[str]) -> frozenset[str]:
    higher = {
        f"{task}/{metric}": up
        for done in found.values()
        for task, of in done.told["higher_is_better"].items()
        for metric, up in of.items()
    }
    return frozenset(s for s in scores if not higher.get("/".join(s.split("/")[:2]), True))


def _own(results: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """The harness's own scores with their standard errors: ``TASK/METRIC``."""
    found: dict[str, dict[str, float | None]] = {}
    for task, figures in results["results"].items():
        for key, value in figures.items():
            metric, comma, kind = key.partition(",")
            if not comma or metric.endswith("_stderr") or not isinstance(value, Real):
                continue
            error = figures.get(f"{metric}_stderr,{kind}")
            found[_name(task, metric, kind)] = {
                "value": float(value),
                "stderr": float(error) if isinstance(error, Real) else None,
            }
    return found


def _samples(
    results: Mapping[str, Any], own: Mapping[str, Mapping[str, float | None]]
) -> dict[str, Sample]:
    """Scores that are the mean of their examples, which can be paired."""
    values: dict[str, list[float]] = {}
    for task, lines in results["samples"].items():
        for line in sorted(lines, key=lambda one: one["doc_id"]):
            for metric in line["metrics"]:
                if isinstance(line.get(metric), Real):
                    name = _name(task, metric, line["filter"])
                    values.setdefault(name, []).append(float(line[metric]))
    return {
        name: sample_of_values(each)
        for name, each in values.items()
        if name in own and abs(math.fsum(each) / len(each) - (own[name]["value"] or 0.0)) <= SAME
    }


def _name(task: str, metric: str, kind: str) -> str:
    return f"{task}/{metric}" if kind == "none" else f"{task}/{metric}/{kind}"


def _interval(value: float | None, interval: Any) -> dict[str, float | None]:
    if interval is None:
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": known(interval.low), "high": known(interval.high)}
