"""Passes: batches through a model, on its device and in its arithmetic, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tunesmith.model.batch import Batch, LossSum
from tunesmith.training.placement import SingleDevice, autocast


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


@dataclass(frozen=True, slots=True)
class Passes:
    """How batches go through one model."""

    model: nn.Module
    placement: SingleDevice
    precision: torch.dtype

    def forward(self, batch: Batch) -> LossSum:
        """The loss sum of a batch."""
        with self._arithmetic():
            return self.model(batch.to(self.placement.device))

    def batches(self, rows: Rows, parts: Sequence[Sequence[int]]) -> Iterator[Batch]:
        """The batches of some parts; each knows what its loss needs of all of them together."""
        figures = self._figures(rows.batch(part) for part in parts)
        for part in parts:
            yield _with(rows.batch(part), figures)

    def told(self, batches: Sequence[Batch]) -> list[Batch]:
        """The same of batches that are made already."""
        figures = self._figures(batches)
        return [_with(batch, figures) for batch in batches]

    @torch.no_grad()
    def _figures(self, batches: Iterable[Batch]) -> dict[str, Tensor]:
        """Means over all parts that a loss is told before its first batch; for most, nothing."""
        if not getattr(self.model, "measures", False):
            return {}
        was_training = self.model.training
        self.model.eval()  # what is measured has no noise of dropout
        sums = Sums()
        for batch in batches:
            with self._arithmetic():
                found: LossSum = self.model(batch.to(self.placement.device), measure=True)
            sums.add(found.metrics)
        self.model.train(was_training)
        whole = self.placement.sum
        return {
            # Stays where it was computed: the host is not asked to wait for it.
            name: (whole(torch.as_tensor(value).double()) / whole(count)).float()
            for name, (value, count) in sums.entries.items()
        }

    def _arithmetic(self) -> AbstractContextManager[Any]:
        return autocast(self.placement.device, self.precision)


def _with(batch: Batch, figures: Mapping[str, Tensor]) -> Batch:
    return replace(batch, targets={**batch.targets, **figures}) if figures else batch
