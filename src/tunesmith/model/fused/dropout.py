"""Dropout: which inputs of an update are left, from few random bits."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

LEVELS = 2**16
"""Steps of a probability: 16 random bits decide on one input. torch's own draw takes 6 ns for each
on a CPU, a tenth of a small model's step."""


def drop_mask(x: Tensor, p: float) -> tuple[Tensor, float]:
    """Where inputs are left, [T, in] bool, and the probability of that.

    Args:
        x: [T, in].
        p: probability that one is zeroed.
    """
    if x.device.type != "cpu":
        return torch.rand(x.shape, device=x.device) >= p, 1 - p
    n_left = LEVELS - round(p * LEVELS)
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[: x.numel()].view(x.shape)
    return bits < n_left - LEVELS // 2, n_left / LEVELS


@dataclass(slots=True)
class Masks:
    """The mask of the input that was read last: queries, keys and values read the same, and so on.

    An input is told by being the same tensor, so that no layer has to know of the others.
    """

    _last: Callable[[], Tensor | None] = field(default=lambda: None)
    _found: tuple[Tensor, float] | None = None

    def of(self, x: Tensor, p: float) -> tuple[Tensor, float]:
        """What :func:`drop_mask` gives; drawn for the first reader, and the same for the others."""
        if self._found is None or self._last() is not x:
            self._found, self._last = drop_mask(x, p), weakref.ref(x)
        return self._found


class SharedDropout(nn.Dropout):
    """Dropout with one mask for all layers that read the same input."""

    def __init__(self, p: float, masks: Masks) -> None:
        super().__init__(p)
        self.masks = masks

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Zeroes inputs [..., in] in training."""
        if not self.training:
            return x
        mask, left = self.masks.of(x, self.p)
        return (x * mask).mul_(1 / left)
