"""Null threshold: a run's model says "no answer" where that is best on rows held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tunesmith.core.errors import RunError
from tunesmith.core.runs import Run
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.pipelines.evaluate import evaluate
from tunesmith.tasks import TASKS


def tune_null_threshold(run: str | Path | Run, *, split: str = "validation") -> float:
    """Finds the threshold with the best F1, and keeps it beside the run's tuned weights.

    Args:
        run: a finished run of task ``extractive-qa`` whose questions may have no answer.
        split: rows to find it on; not those that the result is to be judged by.

    Returns:
        The threshold that is now in force.

    Raises:
        RunError: the run is of another task, or every question of it has an answer.
        TunesmithError: run, data or model cannot be used.
    """
    place = run if isinstance(run, Run) else Run(Path(run).expanduser())
    info = ArtifactInfo.load(place.artifact)
    task = None if info is None or info.part is None else TASKS.parse(info.part)
    if info is None or task is None or not task.weighs_no_answer:
        raise RunError(
            f"{place.path}: no threshold to find: its task must be extractive-qa, with questions "
            "that have no answer, or with task.no_answer=true."
        )
    found = float(evaluate(place, split=split)["tuned/head"]["best_null_threshold"])
    part = task.model_copy(update={"null_threshold": found}).model_dump(mode="json")
    replace(info, part=part).save(place.artifact)
    return found
