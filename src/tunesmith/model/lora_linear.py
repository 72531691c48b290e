"""LoRALinear: a frozen linear layer with a trained low-rank update beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional


class LoRALinear(nn.Module):
    """``y = base(x) + scale * B(A(dropout(x)))`` with A [r, in] and B [out, r] in float32.

    B starts at zero, so the layer starts as its base. Source: Hu et al. 2021, arXiv:2106.09685.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, dropout: float) -> None:
        """Wraps a layer and freezes it.

        Args:
            base: the layer; its weight and bias stop requiring gradients.
            rank: r.
            alpha: the update is scaled by alpha / rank.
            dropout: probability of zeroing an input of the update, in training.
        """
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.enabled = True
        device = base.weight.device
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [..., in] to [..., out]."""
        result = self.base(x)
        if not self.enabled:
            return result
        x = self.dropout(x)
        if not torch.is_autocast_enabled(x.device.type):  # which casts by itself
            x = x.to(self.lora_A.dtype)
        low = functional.linear(x, self.lora_A)
        update = functional.linear(low, self.lora_B) * self.scale
        return result + update.to(result.dtype)

    @torch.no_grad()
    def merged_weight(self) -> Tensor:
        """The weight of one plain layer that does the same, [out, in] float32."""
        return self.base.weight.float() + self.scale * (self.lora_B @ self.lora_A)


def lora_layers(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """Every LoRA layer of a model with its name."""
    for name, module in model.named_modules():
        if isinstance(module, LoRALinear):
            yield name, module


@contextmanager
def adapter_off(model: nn.Module) -> Iterator[None]:
    """Inside, the model answers as its base does; nothing is copied."""
    layers = [layer for _, layer in lora_layers(model)]
    before = [layer.enabled for layer in layers]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer, enabled in zip(layers, before, strict=True):
            layer.enabled = enabled
