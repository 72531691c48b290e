"""Placement: where a model's weights and batches live. One device so far."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tunesmith.core.errors import RunError

Count = TypeVar("Count", float, Tensor)


def launched_processes() -> int:
    """How many processes a launcher such as torchrun has started together; 1 without one."""
    text = os.environ.get("WORLD_SIZE", "")
    return int(text) if text.isdigit() and int(text) > 0 else 1


def require_one_process(n_processes: int) -> None:
    """Checks that nobody has started several processes for a training that uses one.

    Raises:
        RunError: somebody has.
    """
    if n_processes > 1:
        raise RunError(
            f"started as one of {n_processes} processes (WORLD_SIZE), and training uses one. "
            "Start it without the launcher, or unset WORLD_SIZE."
        )


@dataclass(frozen=True, slots=True)
class SingleDevice:
    """Everything on one processor or GPU."""

    device: torch.device
    world_size: int = 1

    def place(self, model: nn.Module) -> nn.Module:
        """Moves a model to the device."""
        return model.to(self.device)

    def sum(self, count: Count) -> Count:
        """A count over all processes."""
        return count


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager[Any]:
    """Inside, products are computed in that type; weights keep theirs."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, precision)
