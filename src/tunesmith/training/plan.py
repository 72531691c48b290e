"""Plan: which rows make up each step of an epoch; a pure function of lengths, seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tunesmith.core.errors import RecipeError
from tunesmith.data.packing import pack

WINDOW_STEPS = 32
"""Steps whose rows are sorted by length together; keeps the order random at a larger scale."""

Step = list[list[int]]
"""The micro-batches of one step, each a list of row numbers."""


def plan_epoch(
    lengths: Sequence[int] | np.ndarray,
    *,
    batch_size: int,
    micro_batch_size: int,
    seed: int,
    epoch: int,
    shuffle: bool = True,
    group_by_length: bool = True,
    tokens_per_row: int | None = None,
) -> list[Step]:
    """Divides all rows into steps and each step into micro-batches.

    Every row comes exactly once. A step holds ``batch_size`` rows, the last one of an epoch what is
    left. With grouping, rows are shuffled, sorted by length within windows of 32 steps, and the
    steps shuffled again. Packing leaves each step its rows and only divides them otherwise: a
    micro-batch is what shares a packed line.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a step.
        micro_batch_size: rows at once.
        seed: of the run.
        epoch: counted from 0.
        shuffle: False keeps the order of the data, and groups nothing.
        group_by_length: whether rows of similar length share a step.
        tokens_per_row: room of a packed line, as much as the longest row at the least; None:
            micro-batches are padded.
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
    if tokens_per_row is not None:
        return [
            [step[line].tolist() for line in pack(sizes[step], tokens_per_row)] for step in steps
        ]
    return [
        [
            step[start : start + micro_batch_size].tolist()
            for start in range(0, len(step), micro_batch_size)
        ]
        for step in steps
    ]


def packed_room(lengths: Sequence[int] | np.ndarray, wanted: int | None, rows_at_once: int) -> int:
    """Tokens of a packed line.

    Args:
        lengths: tokens of each row.
        wanted: what the recipe says; None: as many as a padded micro-batch could have.
        rows_at_once: rows of a padded micro-batch.

    Raises:
        RecipeError: the longest row has no room in it.
    """
    longest = int(max(lengths, default=1))
    if wanted is None:
        return rows_at_once * longest
    if wanted < longest:
        raise RecipeError(
            f"train.tokens_per_row={wanted}, and the longest row takes {longest} tokens. Raise it "
            f"to {longest} or more."
        )
    return wanted


def n_steps(n_rows: int, *, batch_size: int, epochs: float, max_steps: int | None) -> int:
    """Steps of a whole run, at least one."""
    total = max(1, math.ceil(math.ceil(n_rows / batch_size) * epochs))
    return total if max_steps is None else min(total, max_steps)
