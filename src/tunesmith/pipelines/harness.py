"""Harness: tasks of EleutherAI's lm-evaluation-harness, for any models of this machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from numbers import Real
from pathlib import Path
from typing import Any

from tunesmith.core.errors import DataError, ModelError, RecipeError, RunError, TunesmithError
from tunesmith.core.extras import require
from tunesmith.core.held import held
from tunesmith.core.runs import Run
from tunesmith.evaluation.figures import known
from tunesmith.evaluation.side_by_side import side_by_side
from tunesmith.evaluation.statistics.sample import Sample, sample_of_values
from tunesmith.pipelines.bases import Bases
from tunesmith.pipelines.beside import named_models
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.load import hosted_behind

HARNESS = "harness.json"
SAME = 1e-9
"""A score is the mean of its examples where both are as near as that."""


def harness(
    models: Sequence[str],
    tasks: Sequence[str],
    *,
    out: str | Path = "harness",
    limit: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
) -> dict[str, Any]:
    """Has models do tasks of the harness through its public interface, and compares their scores.

    Args:
        models: ``NAME=MODEL`` or ``MODEL``, of this machine.
        tasks: YAML files of tasks; one may run code that it names itself.
        out: folder that gets ``harness.json``.
        limit: examples of each task; None: all.
        batch_size: rows at once.
        seed: of resamples.

    Returns:
        ``models`` (by name: ``scores`` with ``value``, ``low`` and ``high``, and ``harness`` with
        the harness's own ``value`` and ``stderr``), ``pairs`` as those of a comparison, ``n`` (of
        examples by task), ``headings``, ``failed``, ``version``.

    Raises:
        MissingExtraError: the harness is not installed.
        RecipeError: a task's file is not there.
        RunError: no model finished; why the first did not.
    """
    for task in tasks:
        if not Path(task).expanduser().is_file():
            raise RecipeError(f"{task}: no such file. Name the YAML file of a harness task.")
    package = require("lm_eval", extra="lm-eval", purpose="Tasks of the lm-evaluation-harness")
    folder = Path(out).expanduser()
    with held(folder, choose="Choose another folder with --out."):
        version, result = str(getattr(package, "__version__", "")), dict[str, Any]()
        for found, failed in _each(package, models, tasks, limit, batch_size):
            result = _result(found, failed, version, seed)
            Run(folder).write(HARNESS, result)  # what is finished outlives a stop
    return result


def _each(
    package: Any, models: Sequence[str], tasks: Sequence[str], limit: int | None, batch_size: int
) -> Iterator[tuple[dict[str, dict[str, Any]], dict[str, str]]]:
    """After every model: what the harness says of those so far, and why some could not be asked.

    Nothing comes before the first that finished.
    """
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    opening = Opening(batch_size, bases=Bases())
    for one in named_models(models, taken=()):
        try:
            found[one.name] = _asked(package, opening, one.model, tasks, limit)
        except TunesmithError as error:
            failed[one.name] = str(error)
            print(f"{one.name}: {error}", file=sys.stderr)
        if found:
            yield found, failed
    if not found:
        raise RunError(f"no model finished; the first: {next(iter(failed.values()))}")


def _asked(
    package: Any, opening: Opening, model: str, tasks: Sequence[str], limit: int | None
) -> dict[str, Any]:
    """What the harness says of one model."""
    from tunesmith.chat.local import LocalModel
    from tunesmith.evaluation.harness_model import HarnessModel
    from tunesmith.training.fit import EVALUATION_ADVICE, advised

    if hosted_behind(model) is not None:
        raise ModelError(
            "the harness asks for likelihoods of texts, which an endpoint does not tell."
        )
    with advised(EVALUATION_ADVICE):
        opened = opening.any(model, template="none")
    if not isinstance(opened, LocalModel):
        raise ModelError("answers with a head of its own; the harness asks language models.")
    manager = require("lm_eval.tasks", extra="lm-eval", purpose="Tasks").TaskManager(
        include_defaults=False
    )
    files = [str(Path(task).expanduser().absolute()) for task in tasks]
    try:
        with (
            advised(EVALUATION_ADVICE),
            redirect_stdout(sys.stderr),
        ):  # it tells its progress where our result is to stand
            return package.simple_evaluate(
                HarnessModel(opened),
                tasks=files,
                task_manager=manager,
                limit=limit,
                log_samples=True,
            )
    except TunesmithError:
        raise
    except Exception as error:  # whatever a task's file, data or code can do
        told = " ".join(str(error).split())
        raise DataError(
            f"{', '.join(tasks)}: the harness stopped at {type(error).__name__}: {told}"
        ) from error


def _result(
    found: Mapping[str, dict[str, Any]], failed: Mapping[str, str], version: str, seed: int
) -> dict[str, Any]:
    own = {name: _own(results) for name, results in found.items()}
    samples = {name: _samples(found[name], own[name]) for name in found}
    first = next(iter(found.values()))
    scores = list(dict.fromkeys(score for each in own.values() for score in each))
    directions = {
        f"{task}/{metric}": up
        for task, of in first["higher_is_better"].items()
        for metric, up in of.items()
    }
    lower = frozenset(s for s in scores if not directions.get("/".join(s.split("/")[:2]), True))
    compared = side_by_side(samples, scores, lower_is_better=lower, seed=seed)
    return {
        "version": version,
        "n": {task: counts["effective"] for task, counts in first["n-samples"].items()},
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
    }


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
