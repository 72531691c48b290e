"""Placement: where a model's weights and batches live. One device so far."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

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


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager[Any]:
    """Inside, products are computed in that type; weights keep theirs."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, precision)
