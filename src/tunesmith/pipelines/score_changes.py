"""Score changes: the scores of two runs beside each other, tested where single answers are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tunesmith.core.errors import TunesmithError
from tunesmith.core.runs import PERPLEXITY, PREDICTIONS, SCORES, Run
from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.side_by_side import Pair, side_by_side
from tunesmith.evaluation.statistics.sample import Sample, ratio, sample
from tunesmith.recipe import Recipe

TUNED = "tuned"
ONE, OTHER = "one", "other"
Line = dict[str, Any]
Known = dict[str, tuple[str, bool, bool]]


def score_changes(runs: tuple[Run, Run], recipes: tuple[Recipe, Recipe]) -> dict[str, Any]:
    """What the scores of the second run are against those of the first.

    Returns:
        ``why``: why the scores are not compared at all, empty where they are; ``notes``;
        ``n_common``: examples that both were asked; ``scores``: each with ``name``, ``heading``,
        ``model`` (both labels), ``before``, ``after``, and where single answers allow a test
        ``difference``, ``low``, ``high``, ``p``, ``verdict``, ``sentence`` and ``n``,
        else ``untested``: why not.
    """
    tasks = [recipe.task.name for recipe in recipes]
    if tasks[0] != tasks[1]:
        return _nothing(
            f"the tasks differ ({tasks[0]}, {tasks[1]}), so their scores measure different things"
        )
    is_text = recipes[0].task.judged_by == "running-text"
    file = PERPLEXITY if is_text else SCORES
    for run in runs:
        if not (run.path / file).is_file():
            return _nothing(f"{run.path} was not scored. Do it with: tunesmith eval {run.path}")
    found = [run.read(file) for run in runs]
    if is_text:
        return _of_text(found[0], found[1])
    labels = _labels(found[0], found[1])
    if not labels:
        return _nothing("no tuned model was scored by the same road in both runs")
    notes: list[str] = []
    splits = [one.get("split") for one in found]
    if splits[0] != splits[1]:
        notes.append(f"the first was scored on the split {splits[0]}, the second on {splits[1]}")
    lines = [run.lines(PREDICTIONS) for run in runs]
    pairs = _same_questions(lines[0], lines[1])
    for run, of_run in zip(runs, lines, strict=True):
        if of_run and pairs and len(of_run) > len(pairs):
            notes.append(f"{len(of_run) - len(pairs)} examples were asked of {run.path} alone")
    known = _known(recipes, notes)
    other = _measured_otherwise(found, recipes)
    scores: list[dict[str, Any]] = []
    for label in labels:
        means = [
            _is_mean(of_run, name, one[name])
            for of_run, name, one in zip(lines, label, found, strict=True)
        ]
        both = means[0] & means[1]
        scores += _of_model(
            label, found[0][label[0]], found[1][label[1]], pairs, both, known, other
        )
    return {"why": "", "notes": notes, "n_common": len(pairs), "scores": scores}


def _of_text(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of running text; nothing is kept of single texts."""
    of = [one["models"].get(TUNED, {}) for one in (before, after)]
    scores = [
        {
            "name": name,
            "heading": name.replace("_", " "),
            "model": [TUNED, TUNED],
            "before": of[0][name],
            "after": of[1][name],
            "untested": "it is one figure of the whole text",
        }
        for name in of[0]
        if name in of[1] and isinstance(of[0][name], float)
    ]
    notes = [
        f"{key.replace('_', ' ')}: {before[key]} and {after[key]}"
        for key in ("split", "n_tokens", "context_tokens", "stride_tokens")
        if before.get(key) != after.get(key)
    ]
    return {"why": "", "notes": notes, "n_common": 0, "scores": scores}


def _nothing(why: str) -> dict[str, Any]:
    return {"why": why, "notes": [], "n_common": 0, "scores": []}


def _labels(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The tuned models of both that stand for the same, by road."""
    names = [
        [n for n, row in one.items() if n.partition("/")[0] == TUNED and isinstance(row, dict)]
        for one in (before, after)
    ]
    same = [(name, name) for name in names[0] if name in names[1]]
    if not same and len(names[0]) == len(names[1]) == 1:
        return [(names[0][0], names[1][0])]
    return same


def _same_questions(before: Sequence[Line], after: Sequence[Line]) -> list[tuple[Line, Line]]:
    """Lines of both that ask the same and have the same right answer, in the second one's order."""
    waiting: dict[str, list[Line]] = {}
    for line in reversed(before):
        waiting.setdefault(_question(line), []).append(line)
    pairs: list[tuple[Line, Line]] = []
    for line in after:
        if others := waiting.get(_question(line)):
            pairs.append((others.pop(), line))
    return pairs


def _question(line: Line) -> str:
    asked = [line.get("prompt"), line.get("reference"), line.get("rejected")]
    return json.dumps(asked, ensure_ascii=False)


def _of_model(
    label: tuple[str, str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    pairs: Sequence[tuple[Line, Line]],
    means: set[str],
    known: Known,
    other: set[str],
) -> list[dict[str, Any]]:
    rows = [
        (first["answers"][label[0]], second["answers"][label[1]])
        for first, second in pairs
        if label[0] in first.get("answers", {}) and label[1] in second.get("answers", {})
    ]
    clusters = [second.get("group") or f"\0{n}" for n, (_, second) in enumerate(pairs)]
    tested: dict[str, tuple[Sample, Sample]] = {}
    found: list[dict[str, Any]] = []
    for name in [n for n in before if n in after and n in known]:
        one: dict[str, Any] = {"name": name, "heading": known[name][0], "model": list(label)}
        one |= {"before": before[name], "after": after[name]}
        if name in other:
            one["untested"] = "measured with other settings"
        elif why := _untested(name, len(rows), len(pairs), means):
            one["untested"] = why
        else:
            tested[name] = _samples(name, rows, clusters)
        found.append(one)
    if tested:
        lower = frozenset(n for n in tested if not known[n][1])
        shares = {n: known[n][2] for n in tested}
        both = {
            OTHER: {n: two[0] for n, two in tested.items()},
            ONE: {n: two[1] for n, two in tested.items()},
        }
        compared = side_by_side(both, list(tested), lower_is_better=lower, is_share=shares)
        by_name = {pair.score: pair for pair in compared.pairs}
        for one in found:
            if one["name"] in by_name:
                one |= _told(by_name[one["name"]], is_points=shares[one["name"]])
    return found


def _measured_otherwise(found: Sequence[Line], recipes: Sequence[Recipe]) -> set[str]:
    """Scores of one name that the two runs computed in two ways: by settings or own files."""
    ways: list[dict[str, str]] = []
    for one, recipe in zip(found, recipes, strict=True):
        hashes = {own["file"]: own["sha256"] for own in one.get("own_metrics", ())}
        of_run: dict[str, str] = {}
        try:
            metrics = chosen(recipe.evaluate.metrics or recipe.task.metrics)
        except TunesmithError:  # a file of the user's own is gone; a note says so already
            metrics = []
        for metric in metrics:
            file = metric.source.get("file")
            way = metric.told.replace("_", "-") if file is None else hashes.get(file, "")
            of_run |= dict.fromkeys((*metric.gives, *metric.headings), way)
        ways.append(of_run)
    return {name for name in ways[0] if name in ways[1] and ways[0][name] != ways[1][name]}


def _untested(name: str, n_rows: int, n_pairs: int, means: set[str]) -> str:
    """Why a score cannot be tested example by example; empty where it can."""
    if not n_pairs:
        return "the two runs were asked no example in common"
    if n_rows < n_pairs:
        return "the answers of one run are not kept"
    return "" if name in means else "it is a score of all answers together, not their mean"


def _is_mean(lines: Sequence[Line], label: str, scores: Mapping[str, float]) -> set[str]:
    """The scores that are the mean of what single answers scored, and so can be tested by them."""
    rows = [line["answers"].get(label, {}) for line in lines if "answers" in line]
    found: set[str] = set()
    for name, value in scores.items():
        known = [row[name] for row in rows if isinstance(row.get(name), int | float)]
        if known and math.isclose(np.mean(known), value, abs_tol=1e-9):
            found.add(name)
    return found


def _samples(
    name: str,
    rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    clusters: Sequence[str],
) -> tuple[Sample, Sample]:
    """Both runs' results, example by example."""
    first, second = (
        sample([(pair[p].get(name, 0.0), float(name in pair[p])) for pair in rows], ratio, clusters)
        for p in (0, 1)
    )
    return first, second


def _told(pair: Pair, *, is_points: bool) -> dict[str, Any]:
    found = pair.comparison
    return {
        "difference": _number(found.difference.value),
        "low": _number(found.difference.low),
        "high": _number(found.difference.high),
        "p": found.p,
        "verdict": found.word,
        "sentence": found.sentence(points=is_points),
        "n": found.n_examples,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _known(recipes: Sequence[Recipe], notes: list[str]) -> Known:
    """By the name of a score: its words, whether more is better, whether it is a share."""
    found: Known = {}
    metrics: list[Any] = [METRICS.load(name) for name in METRICS.names()]
    for recipe in recipes:
        try:
            metrics += chosen(recipe.evaluate.metrics or ())
        except TunesmithError as error:  # a file of the user's own may be gone
            notes.append(f"scores of a metric are left out: {error}")
    for metric in metrics:
        for score, words in metric.headings.items():
            found[score] = (words, metric.higher_is_better, score not in metric.scales)
    return found
