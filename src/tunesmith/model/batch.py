"""Batch: the tensors of one micro-batch, and the sum a forward pass makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows of tokens with their targets.

    Attributes:
        input_ids: [B, T] int64, filled up on the right.
        labels: [B, T] int64; ``labels[b, t]`` is the token that follows position t, or -100 where
            that token is not learnt.
        target_rows: [N] int64, places in the flattened [B * T] whose label is learnt.
        n_targets: the sum of the targets' weights, N where all weigh 1; on the host.
        n_tokens: tokens that are not padding, on the host.
        weights: [N] float32, of each target in the loss; None: all weigh 1.
    """

    input_ids: Tensor
    labels: Tensor
    target_rows: Tensor
    n_targets: float
    n_tokens: int
    weights: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        if self.input_ids.device == device:
            return self
        return Batch(
            self.input_ids.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.target_rows.to(device, non_blocking=True),
            self.n_targets,
            self.n_tokens,
            None if self.weights is None else self.weights.to(device, non_blocking=True),
        )


@dataclass(frozen=True, slots=True)
class LossSum:
    """A loss summed over targets, to be divided once by their global number.

    Attributes:
        total: [] float32, in nats.
        metrics: name -> (sum, count), both detached.
    """

    total: Tensor
    metrics: dict[str, tuple[Tensor, int]] = field(default_factory=dict)
