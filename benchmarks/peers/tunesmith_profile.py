"""Our own training under torch.profiler: time of every operation. Usage: FILE (the work)."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import version
from typing import Any

import torch
from stepper import Stepper, read_work
from torch.profiler import ProfilerActivity, profile
from tunesmith_train import Losses

from tunesmith.pipelines.build_trainer import build_trainer
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe

WARM_UP = 2


def main() -> None:
    """Profiles the steps of one command."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    recipe = make_recipe(work["recipe"], overrides=work["options"].get("overrides", []))
    trainer = build_trainer(recipe, prepare(recipe), Losses(stepper.losses), needs_whole=False)
    stepper.ready(version=version("tunesmith"), torch=torch.__version__)
    n_steps = stepper.next()
    profiler = profile(activities=[ProfilerActivity.CPU])

    def watch(step: int) -> bool:
        if step == WARM_UP:
            profiler.start()
        if step == WARM_UP + n_steps:
            profiler.stop()
        return step == WARM_UP + n_steps

    trainer.fit(watch)
    stepper.done(operations=_times(profiler))
    stepper.next()
    stepper.close()


def _times(profiler: Any) -> dict[str, float]:
    """Seconds spent in each operation itself, without those that it calls."""
    found: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        found[event.key] += event.self_cpu_time_total / 1e6
    return dict(sorted(found.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    main()
