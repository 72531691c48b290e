"""LoRALinear: a frozen linear layer with a trained low-rank update beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from tunesmith.model.fused.dropout import Masks, SharedDropout
from tunesmith.model.quantised import dense_weight
from tunesmith.model.trained_copy import trained_copies


class LoRALinear(nn.Module):
    """``y = base(x) + scale * B(A(dropout(x)))`` with A [r, in] and B [out, r] in float32.

    B starts at zero, so the layer starts as its base. Source: Hu et al. 2021, arXiv:2106.09685.

    With ``start_from`` A and B start elsewhere, and what they start with is subtracted, so that the
    layer starts as its base all the same.

    With ``dora`` each row of the weight W + scale * BA is brought to a trained length; its own
    length counts as a constant in the gradient. Source: Liu et al. 2024, arXiv:2402.09353, 4.3.
    """

    lora_magnitude_vector: nn.Parameter | None
    start_A: Tensor | None
    start_B: Tensor | None

    def __init__(
        self,
        base: nn.Linear,
        *,
        rank: int,
        scale: float,
        dropout: float = 0.0,
        dora: bool = False,
        masks: Masks | None = None,
    ) -> None:
        """Wraps a layer and freezes it.

        Args:
            base: the layer; its weight and bias stop requiring gradients.
            rank: r.
            scale: the update is multiplied by it; alpha / r, or alpha / sqrt(r).
            dropout: probability of zeroing an input of the update, in training.
            dora: whether lengths of rows are trained apart from their directions.
            masks: shared by layers that drop the same of what they read; None: it drops its own.
        """
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = scale
        self.dropout = nn.Identity()
        if dropout:
            self.dropout = nn.Dropout(dropout) if masks is None else SharedDropout(dropout, masks)
        self.enabled = True
        device = base.weight.device
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        lengths = torch.linalg.vector_norm(dense_weight(base), dim=1) if dora else None  # [out]
        self.lora_magnitude_vector = None if lengths is None else nn.Parameter(lengths)
        self.register_buffer("start_A", None)
        self.register_buffer("start_B", None)

    @property
    def rank(self) -> int:
        """R of the trained update."""
        return self.lora_A.shape[0]

    @torch.no_grad()
    def start_from(self, a: Tensor, b: Tensor) -> None:
        """Has the update start with A = ``a`` [r, in] and B = ``b`` [out, r], taken off again."""
        self.lora_A.copy_(a)
        self.lora_B.copy_(b)
        self.start_A, self.start_B = a.clone(), b.clone()

    def forward(self, x: Tensor) -> Tensor:
        """Maps [..., in] to [..., out]."""
        if not self.enabled:
            return self.base(x)
        frozen = self._frozen(x)
        dropped = self.dropout(x)
        update = self._low_rank(dropped, self.lora_A, self.lora_B).to(frozen.dtype)
        if self.lora_magnitude_vector is None:
            # In place, because a third tensor of this size would be freed between kept ones, where
            # the allocator cannot use its room again: it made a step's memory twice as large.
            return update.add_(frozen)
        stretch = (self.lora_magnitude_vector / self._lengths()).to(frozen.dtype)  # [out]
        bias = 0.0 if self.base.bias is None else self.base.bias
        # As PEFT has it, what is stretched sees the same dropped inputs as the update.
        is_dropping = self.training and isinstance(self.dropout, nn.Dropout)
        stretched = self._frozen(dropped) if is_dropping else frozen
        return frozen + (stretch - 1) * (stretched - bias) + stretch * update

    def _frozen(self, x: Tensor) -> Tensor:
        """The base without what the update started with, bias included."""
        result = self.base(x)
        if self.start_A is None or self.start_B is None:
            return result
        return result - self._low_rank(x, self.start_A, self.start_B).to(result.dtype)

    def _low_rank(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        if not torch.is_autocast_enabled(x.device.type):  # which casts by itself
            x = x.to(a.dtype)
        return functional.linear(functional.linear(x, a), b).mul_(self.scale)

    @torch.no_grad()
    def _lengths(self) -> Tensor:
        """Of the rows of base and update together, [out] float32."""
        with torch.autocast(self.lora_A.device.type, enabled=False):
            return torch.linalg.vector_norm(self._sum(), dim=1)

    def _sum(self) -> Tensor:
        total = dense_weight(self.base) + self.scale * (self.lora_B @ self.lora_A)
        if self.start_A is not None and self.start_B is not None:
            total -= self.scale * (self.start_B @ self.start_A)
        return total  # [out, in]

    @torch.no_grad()
    def merged_weight(self) -> Tensor:
        """The weight of one plain layer that does the same, [out, in] float32."""
        if self.lora_magnitude_vector is None:
            return self._sum()
        return self._sum() * (self.lora_magnitude_vector / self._lengths())[:, None]

    @torch.no_grad()
    def plain_update(self) -> tuple[Tensor, Tensor]:
        """A and B of an ordinary update on the base; twice the rank where one was taken off."""
        a, b = self.lora_A.detach(), self.lora_B.detach()
        if self.start_A is None or self.start_B is None:
            return a, b
        return torch.cat([a, self.start_A]), torch.cat([b, -self.start_B], dim=1)


def lora_layers(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """Every LoRA layer of a model with its name."""
    for name, module in model.named_modules():
        if isinstance(module, LoRALinear):
            yield name, module


@contextmanager
def adapter_off(model: nn.Module) -> Iterator[None]:
    """Inside, the model answers as its base does; nothing is copied."""
    layers = [module for found in (lora_layers, trained_copies) for _, module in found(model)]
    before = [layer.enabled for layer in layers]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer, enabled in zip(layers, before, strict=True):
            layer.enabled = enabled
