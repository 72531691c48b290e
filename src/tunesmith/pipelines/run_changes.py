"""Run changes: what is different between two runs, and what it did to the scores."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml

from tunesmith.core.errors import RunError, did_you_mean
from tunesmith.core.runs import LOCK, RECIPE, Run, find_runs
from tunesmith.model.source import weights_fingerprint
from tunesmith.pipelines.row_changes import row_changes
from tunesmith.pipelines.score_changes import score_changes
from tunesmith.pipelines.seen_rows import SeenRows, seen_by
from tunesmith.recipe import load_recipe

FIGURES = (
    "steps",
    "eval_loss_first",
    "eval_loss_model",
    "best_step",
    "model_step",
    "trainable_parameters",
    "tokens_per_s",
    "seconds",
    "peak_memory_mb",
)
"""What of the summaries is put side by side."""


def run_changes(before: str | Path | Run, after: str | Path | Run) -> dict[str, Any]:
    """Puts two finished runs side by side.

    Args:
        before: one run.
        after: the other; what is told is what it has otherwise.

    Returns:
        ``before`` and ``after`` (paths); ``data`` (``same``, ``splits`` as
        :func:`~tunesmith.pipelines.row_changes.row_changes` gives them, ``why`` where rows are not
        known); ``template`` (``same``, ``diff``: lines of a unified diff of a training example,
        ``origins``); ``recipe``, ``versions``: lists of ``key``, ``before``, ``after``;
        ``weights`` (``start``, ``result``: ``before``, ``after``, ``same``); ``figures`` of the
        summaries; ``scores`` as :func:`~tunesmith.pipelines.score_changes.score_changes` gives
        them.

    Raises:
        RunError: a folder holds no run, or one that is not finished.
    """
    runs = (_finished(before), _finished(after))
    locks = [run.read(LOCK) for run in runs]
    seen = [seen_by(run) for run in runs]
    recipes = (load_recipe(runs[0].path / RECIPE), load_recipe(runs[1].path / RECIPE))
    summaries = [run.summary for run in runs]
    return {
        "before": str(runs[0].path),
        "after": str(runs[1].path),
        "data": _data(locks, seen),
        "template": _template(locks, seen),
        "recipe": _keys(_written(runs[0]), _written(runs[1])),
        "versions": _keys(*map(_software, locks, summaries)),
        "weights": {
            "start": _pair(*(_start(lock) for lock in locks)),
            "result": _pair(*(weights_fingerprint(run.artifact) for run in runs)),
        },
        "figures": [
            {"name": name, "before": summaries[0].get(name), "after": summaries[1].get(name)}
            for name in FIGURES
            if any(summary.get(name) is not None for summary in summaries)
        ],
        "scores": score_changes(runs, recipes),
    }


def _finished(given: str | Path | Run) -> Run:
    path = given.path if isinstance(given, Run) else Path(given).expanduser()
    if not (path / LOCK).is_file():
        beside = [run.path.name for run in find_runs(path.parent) if run.path.parent == path.parent]
        hint = f" {did_you_mean(path.name, beside)}" if beside else " List them: tunesmith runs"
        what = "holds no run" if path.exists() else "no such folder"
        raise RunError(f"{path}: {what}.{hint}")
    run = Run(path)
    _ = run.summary  # says how to go on where it is not finished
    return run


def _data(locks: list[dict[str, Any]], seen: list[SeenRows | str]) -> dict[str, Any]:
    same = locks[0].get("data") == locks[1].get("data")
    why = "; ".join(one for one in seen if isinstance(one, str))
    known = [one for one in seen if isinstance(one, SeenRows)]
    splits = row_changes(known[0], known[1]) if len(known) == 2 and not same else {}
    return {"same": same, "splits": splits, "why": "" if same else why}


def _template(locks: list[dict[str, Any]], seen: list[SeenRows | str]) -> dict[str, Any]:
    """Whether an example was written otherwise: by its text, or, where none is kept, by a hash."""
    known = [one for one in seen if isinstance(one, SeenRows)]
    same = locks[0].get("template") == locks[1].get("template")
    if len(known) < 2:
        return {"same": same, "diff": [], "origins": []}
    diff = difflib.unified_diff(
        known[0].shown.split("\n"), known[1].shown.split("\n"), "before", "after", lineterm=""
    )
    origins = [one.shown_origin for one in known]
    return {"same": same, "diff": list(diff), "origins": origins}


def _written(run: Run) -> dict[str, Any]:
    """The recipe, without where the run itself lies."""
    fields = yaml.safe_load((run.path / RECIPE).read_text("utf-8"))
    return {key: value for key, value in fields.items() if key != "out"}


def _software(lock: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    code = summary.get("code")
    return {**lock.get("versions", {}), **({"our code": code[:12]} if code else {})}


def _start(lock: dict[str, Any]) -> str:
    """What was trained: the weights, and the adapter that it went on from."""
    parts = [lock.get("weights", ""), lock.get("adapter", "")]
    return " with adapter ".join(part for part in parts if part)


def _pair(before: str, after: str) -> dict[str, Any]:
    return {"before": before, "after": after, "same": before == after}


def _keys(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """What differs between two mappings, by dotted key; a key that one lacks is None there."""
    left, right = _flat(before), _flat(after)
    return [
        {"key": key, "before": left.get(key), "after": right.get(key)}
        for key in [*left, *(key for key in right if key not in left)]
        if left.get(key) != right.get(key)
    ]


def _flat(fields: dict[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in fields.items():
        path = f"{at}.{key}" if at else str(key)
        if isinstance(value, dict) and value:
            found |= _flat(value, path)
        else:
            found[path] = value
    return found
