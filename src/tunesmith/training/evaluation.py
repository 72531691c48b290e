"""Evaluation: the loss and the other sums of a model over held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.batch import Batch, LossSum
from tunesmith.training.placement import SingleDevice


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


class Scorer(Protocol):
    """Finds out more of a model than its loss, whenever it is evaluated."""

    def score(self) -> dict[str, float]:
        """Figures of the model as it is now, by name; the model is in evaluation mode."""
        ...


class Sums:
    """Sums and counts by name, added up over the batches of a step or an evaluation."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Any]] = {}

    def add(self, metrics: Mapping[str, tuple[Any, Any]]) -> None:
        """Takes the sums of one batch in; nothing waits for the device."""
        for name, (value, count) in metrics.items():
            entry = self.entries.setdefault(name, [0, 0])
            entry[0] += value
            entry[1] += count

    def means(self) -> dict[str, float]:
        """Sum by count of each name that was counted at all."""
        return {
            name: float(value) / float(count)
            for name, (value, count) in self.entries.items()
            if float(count)
        }


def with_figures(batch: Batch, figures: Mapping[str, Tensor]) -> Batch:
    """A batch whose loss is told the figures of its whole step too."""
    return replace(batch, targets={**batch.targets, **figures}) if figures else batch


@torch.no_grad()
def measured(
    rows: Rows,
    parts: Sequence[Sequence[int]],
    measure: Callable[[Batch], LossSum],
    placement: SingleDevice,
) -> dict[str, Tensor]:
    """Means over all rows that a loss needs to know before its first batch.

    Args:
        rows: where the parts are taken from.
        parts: the rows of each batch.
        measure: gives the sums of a batch as its metrics.
        placement: adds up over processes.

    Returns:
        Name -> [] float32.
    """
    sums = Sums()
    for part in parts:
        sums.add(measure(rows.batch(part)).metrics)
    return {
        name: torch.tensor(placement.sum(float(value)) / placement.sum(float(count)))
        for name, (value, count) in sums.entries.items()
    }


@torch.no_grad()
def evaluate_rows(
    rows: Rows,
    forward: Callable[[Batch], LossSum],
    *,
    batch_size: int,
    figures: Callable[[Rows, list[list[int]]], dict[str, Tensor]] = lambda rows, parts: {},
) -> tuple[float, dict[str, float]]:
    """Scores rows, the longest first, so that a lack of memory shows at once.

    Args:
        rows: at least one.
        forward: gives the loss sum of a batch; the model behind it is in evaluation mode.
        batch_size: rows at once.
        figures: what the loss needs to know of all rows in their parts; for most, nothing.

    Returns:
        The loss per target, and the objective's other means by name.
    """
    lengths = rows.lengths
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    total, n_targets, sums = 0.0, 0.0, Sums()
    parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    known = figures(rows, parts)
    for part in parts:
        batch = with_figures(rows.batch(part), known)
        loss = forward(batch)
        total += float(loss.total)
        n_targets += batch.n_targets
        sums.add(loss.metrics)
    return total / n_targets, sums.means()
