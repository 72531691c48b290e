"""Measure: what one real step on the longest rows takes, before a run is begun."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tunesmith.core.extras import require
from tunesmith.core.memory import peak_memory_mb
from tunesmith.pipelines.precision import precision_of
from tunesmith.pipelines.prepare import Prepared, prepare
from tunesmith.recipe import Recipe


class _Times:
    """Watches a trial of two steps and keeps nothing of it."""

    def __init__(self) -> None:
        self.step_seconds: list[float] = []
        self.n_tokens = 0
        self.eval_seconds: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.step_seconds.append(values["seconds"])
        self.n_tokens = values["n_tokens"]

    def evaluated(self, values: dict[str, Any]) -> None:
        self.eval_seconds.append(values["seconds"])

    def save(self, checkpoint: Any) -> None:
        """A trial leaves nothing."""


def measure(recipe: Recipe) -> dict[str, Any]:
    """Loads the model and takes two steps on the longest rows and an evaluation of the longest.

    Nothing is written. The first step also makes the optimizer's state; the second one is timed.

    Returns:
        ``peak_memory_mb``, ``seconds_per_step`` (on the longest rows), ``tokens_per_s``, and
        ``seconds`` of all steps, by their tokens; evaluations and saving come on top.

    Raises:
        TunesmithError: recipe, data or model cannot be used, or not even one row fits.
    """
    require("torch", extra="train", purpose="Measuring")
    from tunesmith.pipelines.build_trainer import build_trainer
    from tunesmith.training.fit import is_out_of_memory, too_little_memory

    prepared = prepare(recipe)
    recipe = precision_of(recipe, prepared.folder).settled(recipe)
    n_rows = len(prepared.task.lengths(prepared.encoded["train"]))
    portions = _longest(prepared, recipe)
    n_longest = len(portions.task.lengths(portions.encoded["train"]))
    short = recipe.train.model_copy(
        update={
            "max_steps": 2,
            "epochs": 2.0,
            "eval_every_fraction": 1.0,
            "batch_size": n_longest,
            "log_every_steps": 1,
        }
    )
    times = _Times()
    try:
        trainer = build_trainer(
            recipe.model_copy(update={"train": short}), portions, times, needs_whole=False
        )
        trainer.fit()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_little_memory(error) from None
    from tunesmith.training.plan import n_steps

    steps = n_steps(
        n_rows,
        batch_size=recipe.train.batch_size,
        epochs=recipe.train.epochs,
        max_steps=recipe.train.max_steps,
    )
    seconds = min(times.step_seconds)
    tokens_per_s = times.n_tokens / max(seconds, 1e-9)
    tokens_per_row = int(prepared.encoded["train"].lengths.sum()) / n_rows
    n_tokens = tokens_per_row * recipe.train.batch_size * steps
    return {
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "rows_at_once": trainer.rows_at_once,
        "seconds_per_step": round(seconds, 3),
        "tokens_per_s": round(tokens_per_s, 1),
        "steps": steps,
        "seconds": round(n_tokens / tokens_per_s, 1),
    }


def _longest(prepared: Prepared, recipe: Recipe) -> Prepared:
    """The rows that make the largest step and the largest batch of an evaluation."""
    sizes = {"train": recipe.train.batch_size, "validation": recipe.train.eval_batch_size}
    task = prepared.task
    encoded = {
        name: task.picked(split, np.argsort(-task.lengths(split), kind="stable")[: sizes[name]])
        for name, split in prepared.encoded.items()
        if name in sizes
    }
    return replace(prepared, encoded=encoded)
