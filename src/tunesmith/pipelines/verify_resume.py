"""Verify resume: a run that is killed and resumed, against the same run left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.errors import RunError
from tunesmith.core.runs import Run
from tunesmith.pipelines.equal_runs import equal_runs
from tunesmith.recipe import Recipe, make_recipe
from tunesmith.trackers.tracker import OpenTracker, Tracker

CALL = "from tunesmith.pipelines import verify_resume as v; import sys; v.{}(*sys.argv[1:])"


def verify_resume(
    recipe: Recipe, *, steps: int = 5, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Trains 2k steps; then k steps, a kill -9 within the next but one, and the rest.

    Three processes of their own do it, in a temporary directory beside ``recipe.out`` that is
    taken away afterwards. The kill comes when step k + 1 is in the log already, and not in the
    checkpoint of step k.

    Args:
        recipe: what is trained. Its length, its evaluations and its directory are set here.
        steps: k.
        tell: is told what happens next.

    Returns:
        ``steps``, ``exact``, and ``compared``: for each thing ``what``, ``n``, ``n_equal`` and
        ``first_difference``.

    Raises:
        RunError: one of the trainings failed; with its own message.
    """
    beside = Path(recipe.out).expanduser().absolute().parent
    try:
        beside.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".verify-resume-", dir=beside))
    except OSError as error:
        raise RunError(
            f"{beside}: cannot be written ({error.strerror}). Choose another directory with out=..."
        ) from None
    with _Removed(folder):
        fields = shortened(recipe.with_absolute_paths(), steps)
        whole, killed = folder / "whole", folder / "killed"
        tell(f"{2 * steps} steps in one go")
        _call("train_whole", fields, whole)
        tell(f"{steps} steps, and kill -9 after one more")
        _call("train_until_killed", fields, killed, str(steps + 1), expected=-signal.SIGKILL)
        tell(f"resumed at step {steps}")
        _call("train_resumed", fields, killed)
        compared = equal_runs(Run(whole), Run(killed))
    return {
        "steps": steps,
        "exact": all(one.is_equal for one in compared),
        "compared": [asdict(one) for one in compared],
    }


def shortened(recipe: Recipe, steps: int) -> dict[str, Any]:
    """The fields of a recipe that ends after 2k steps and is saved after k."""
    fields = recipe.model_dump(mode="json")
    # As many epochs as give 2k steps, however few rows there are.
    epochs = max(recipe.train.epochs, 2.0 * steps)
    fields["train"] |= {"epochs": epochs, "max_steps": 2 * steps, "eval_every_fraction": 0.5}
    if recipe.train.patience == 1:
        # Ended at the evaluation after k steps, the second one, it would never come to its kill.
        fields["train"]["patience"] = None
    fields["trackers"] = []
    return fields


def train_whole(fields: str, out: str) -> None:
    """Trains without a break."""
    from tunesmith.pipelines.train import train

    train(make_recipe(json.loads(fields), overrides=[f"out={json.dumps(out)}"]))


def train_until_killed(fields: str, out: str, step: str) -> None:
    """Trains until step ``step`` is logged, and dies of SIGKILL there."""
    from tunesmith.pipelines.train import train

    recipe = make_recipe(json.loads(fields), overrides=[f"out={json.dumps(out)}"])
    train(recipe, also=[DiesAt(step=int(step))])


def train_resumed(fields: str, out: str) -> None:
    """Goes on where it was killed."""
    from tunesmith.pipelines.train import train

    train(make_recipe(json.loads(fields), overrides=[f"out={json.dumps(out)}"]), resume=True)


class DiesAt(Tracker):
    """Kills its process when a step is done; told after the trackers that write."""

    name: Literal["dies-at"] = "dies-at"
    step: int

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Waits for the step."""
        return _Dies(self.step)


class _Dies(OpenTracker):
    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, values: dict[str, Any]) -> None:
        if values["step"] == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def _call(function: str, fields: dict[str, Any], out: Path, *more: str, expected: int = 0) -> None:
    """Runs a function of this module in a process of its own."""
    command = [sys.executable, "-c", CALL.format(function), json.dumps(fields), str(out), *more]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if expected and not done.returncode:
        raise RunError(
            "the training came to its end before it could be killed, so that nothing was resumed. "
            "Try another --steps."
        )
    if done.returncode != expected:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise RunError(f"the training failed: {reason}")


class _Removed:
    """Takes a directory away at the end of a block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)
