"""Evaluation: the loss and the other sums of a model over held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from tunesmith.model.batch import Batch, LossSum


class Rows(Protocol):
    """Encoded examples that can be made into batches."""

    @property
    def lengths(self) -> Sequence[int] | np.ndarray:
        """Tokens of each row."""
        ...

    def batch(self, rows: Sequence[int]) -> Batch:
        """The batch of some rows."""
        ...

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        ...


class Sums:
    """Sums and counts by name, added up over the batches of a step or an evaluation."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Any]] = {}

    def add(self, metrics: dict[str, tuple[Any, float]]) -> None:
        """Takes the sums of one batch in; nothing waits for the device."""
        for name, (value, count) in metrics.items():
            entry = self.entries.setdefault(name, [0, 0])
            entry[0] += value
            entry[1] += count

    def means(self) -> dict[str, float]:
        """Sum by count of each name that was counted at all."""
        return {
            name: float(value) / count for name, (value, count) in self.entries.items() if count
        }


@torch.no_grad()
def evaluate_rows(
    rows: Rows, forward: Callable[[Batch], LossSum], *, batch_size: int
) -> tuple[float, dict[str, float]]:
    """Scores rows, the longest first, so that a lack of memory shows at once.

    Args:
        rows: at least one.
        forward: gives the loss sum of a batch; the model behind it is in evaluation mode.
        batch_size: rows at once.

    Returns:
        The loss per target, and the objective's other means by name.
    """
    lengths = rows.lengths
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    total, n_targets, sums = 0.0, 0.0, Sums()
    for start in range(0, len(order), batch_size):
        batch = rows.batch(order[start : start + batch_size])
        loss = forward(batch)
        total += float(loss.total)
        n_targets += batch.n_targets
        sums.add(loss.metrics)
    return total / n_targets, sums.means()
