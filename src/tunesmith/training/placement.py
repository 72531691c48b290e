"""Placement: where a model's weights and batches live. One device so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class SingleDevice:
    """Everything on one processor or GPU."""

    device: torch.device
    world_size: int = 1

    def place(self, model: nn.Module) -> nn.Module:
        """Moves a model to the device."""
        return model.to(self.device)

    def sum(self, count: float) -> float:
        """A count over all processes."""
        return count
