"""Our own training, through the pipeline that ``tunesmith train`` uses. Usage: FILE (the work)."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from stepper import Stepper, read_work

from tunesmith.core.runs import locked_run
from tunesmith.pipelines.build_trainer import build_trainer
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe


class Losses:
    """A watcher that keeps the losses of steps and nothing else."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def step_done(self, values: dict[str, Any]) -> None:
        """Keeps the loss."""
        self.losses.append(float(values["loss"]))

    def _forget(self, what: Any) -> None: ...

    evaluated = save = _forget


def main() -> None:
    """Builds the trainer and obeys."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    recipe = make_recipe(work["recipe"], overrides=work["options"].get("overrides", []))
    prepared = prepare(recipe)
    about = {"version": version("tunesmith"), "torch": torch.__version__}
    if work["whole_runs"]:
        _whole_runs(recipe, prepared, stepper, about)
    else:
        trainer = build_trainer(recipe, prepared, Losses(stepper.losses), needs_whole=False)
        _say_ready(trainer, stepper, about)
        stepper.next()
        last = 0

        def obey(step: int) -> bool:
            nonlocal last
            if step == last:  # asked again after the same step
                return False
            last = step
            return stepper.step_done()

        trainer.fit(obey)
    stepper.close()


def _whole_runs(recipe: Any, prepared: Any, stepper: Stepper, about: dict[str, Any]) -> None:
    """Every run begins with loading the model; none finds what an earlier one has kept."""
    stepper.ready(**about)
    while n_runs := stepper.next():
        for _ in range(n_runs):
            stepper.losses.clear()
            with tempfile.TemporaryDirectory() as place:
                os.environ["TUNESMITH_CACHE"] = place
                with locked_run(Path(place) / "run", resume=False) as run:
                    losses = Losses(stepper.losses)
                    build_trainer(recipe, prepared, losses, run, needs_whole=False).fit()
        stepper.done()


def _say_ready(trainer: Any, stepper: Stepper, about: dict[str, Any]) -> None:
    trained = sum(p.numel() for p in trainer.parameters.values())
    stepper.ready(**about, trained=trained, rows_at_once=trainer.rows_at_once)


if __name__ == "__main__":
    main()
