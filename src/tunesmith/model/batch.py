"""Batch: the tensors of one micro-batch, and the sum a forward pass makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

Targets = Mapping[str, Tensor]
"""What an objective compares states with, by name; which names there are, task and objective
agree on."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows of tokens with their targets.

    Attributes:
        input_ids: [B, T] int64, filled up on the right.
        target_rows: [N] int64, places in the flattened [B * T] whose states the head sees.
        targets: what they are compared with; ``labels`` [N] int64 where each state has one.
        n_targets: what the loss is divided by: the sum of the targets' weights; on the host.
        n_tokens: tokens that are not padding, on the host.
        beside: further rows, seen only by what is measured before the step's loss; or None.
    """

    input_ids: Tensor
    target_rows: Tensor
    targets: Targets
    n_targets: float
    n_tokens: int
    beside: Batch | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        if self.input_ids.device == device:
            return self
        return replace(
            self,
            input_ids=self.input_ids.to(device, non_blocking=True),
            target_rows=self.target_rows.to(device, non_blocking=True),
            targets={k: t.to(device, non_blocking=True) for k, t in self.targets.items()},
            beside=None if self.beside is None else self.beside.to(device),
        )


@dataclass(frozen=True, slots=True)
class LossSum:
    """A loss summed over targets, to be divided once by their global number.

    Attributes:
        total: [] float32, in nats.
        metrics: name -> (sum, count), both detached; a count of 0 tells nothing.
    """

    total: Tensor
    metrics: dict[str, tuple[Tensor, float | Tensor]] = field(default_factory=dict)
