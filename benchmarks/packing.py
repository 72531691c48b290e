"""Packing: tokens per CPU second of training steps, padded and packed, in interleaved rounds.

One thread, and its CPU time, so that other work on the machine disturbs little.

Usage: python benchmarks/packing.py [KEY=VALUE ...]   keys of recipes/demo.yaml
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from measure import machine

from tunesmith.pipelines.build_trainer import build_trainer
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import load_recipe

ROUNDS, STEPS = 5, 2
HERE = Path(__file__).parent
PADDED = ["train.packing=false"]
WAYS = {
    "padded": PADDED,
    "padded, rows of any length together": [*PADDED, "train.length_grouping=false"],
    "packed": ["train.packing=true"],
    "packed, rows of any length together": ["train.packing=true", "train.length_grouping=false"],
}


class Silent:
    """A watcher that keeps nothing."""

    def _forget(self, what: Any) -> None: ...

    step_done = evaluated = save = _forget


def main(overrides: list[str]) -> None:
    """Runs all ways in turn and prints their medians."""
    torch.set_num_threads(1)
    trainers: dict[str, Any] = {}
    for name, settings in WAYS.items():
        every = ["train.micro_batch_size=8", *settings, *overrides]
        recipe = load_recipe(HERE.parent / "recipes" / "demo.yaml", every)
        trainers[name] = build_trainer(recipe, prepare(recipe), Silent())
        trainers[name]._step(0)
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    filled: dict[str, float] = {}
    for turn in range(ROUNDS):
        for name, trainer in trainers.items():
            started, n_tokens, n_places = time.process_time(), 0, 0
            for step in range(1 + turn * STEPS, 1 + (turn + 1) * STEPS):
                n_tokens += trainer._step(step).values["n_tokens"]
            speeds[name].append(n_tokens / (time.process_time() - started))
            for micro in trainer.steps.micro_batches(step):
                n_places += trainer.train_rows.batch(micro).input_ids.numel()
            lengths = trainer.train_rows.lengths
            own = sum(
                int(lengths[row]) for micro in trainer.steps.micro_batches(step) for row in micro
            )
            filled[name] = own / n_places
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    found = {
        "machine": machine(),
        "overrides": overrides,
        "tokens_per_cpu_s": {name: [round(v) for v in values] for name, values in speeds.items()},
        "median": {name: round(value) for name, value in medians.items()},
        "times_padded": {name: round(v / medians["padded"], 3) for name, v in medians.items()},
        "filled": {name: round(value, 3) for name, value in filled.items()},
    }
    (HERE / "results").mkdir(exist_ok=True)
    data = "demo" if not overrides else Path(overrides[0].partition("=")[2]).stem
    (HERE / "results" / f"{found['machine']['date']}-packing-{data}.json").write_text(
        json.dumps(found, indent=1) + "\n"
    )
    print(json.dumps({k: found[k] for k in ("median", "times_padded", "filled")}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
