"""Plan: which rows make up each step of an epoch; a pure function of lengths, seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tunesmith.training.batching import Batching

WINDOW_STEPS = 32
"""Steps whose rows are sorted by length together; keeps the order random at a larger scale."""

Step = list[list[int]]
"""The micro-batches of one step, each a list of row numbers."""


def plan_epoch(
    lengths: Sequence[int] | np.ndarray,
    *,
    batch_size: int,
    batching: Batching,
    seed: int,
    epoch: int,
    shuffle: bool = True,
    group_by_length: bool = True,
) -> list[Step]:
    """Divides all rows into steps and each step into micro-batches.

    Every row comes exactly once. A step holds ``batch_size`` rows, the last one of an epoch what is
    left. With grouping, rows are shuffled, sorted by length within windows of 32 steps, and the
    steps shuffled again. Which rows a step holds does not depend on the batching: that only
    divides them.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a step.
        batching: how a step is divided.
        seed: of the run.
        epoch: counted from 0.
        shuffle: False keeps the order of the data, and groups nothing.
        group_by_length: whether rows of similar length share a step.
    """
    n_rows = len(lengths)
    order = np.arange(n_rows)
    generator = np.random.default_rng([seed, epoch])
    if shuffle:
        generator.shuffle(order)
    sizes = np.asarray(lengths)
    if shuffle and group_by_length:
        window = batch_size * WINDOW_STEPS
        for start in range(0, n_rows, window):
            part = order[start : start + window]
            order[start : start + window] = part[np.argsort(-sizes[part], kind="stable")]
    steps = [order[start : start + batch_size] for start in range(0, n_rows, batch_size)]
    if shuffle and group_by_length:
        steps = [steps[i] for i in generator.permutation(len(steps))]
        steps = [step[np.argsort(-sizes[step], kind="stable")] for step in steps]
    return [[step[part].tolist() for part in batching.divide(sizes[step])] for step in steps]


def n_steps(n_rows: int, *, batch_size: int, epochs: float, max_steps: int | None) -> int:
    """Steps of a whole run, at least one."""
    total = max(1, math.ceil(math.ceil(n_rows / batch_size) * epochs))
    return total if max_steps is None else min(total, max_steps)
