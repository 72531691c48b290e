"""Linear: what a linear layer multiplies by, told in tensors: weight, bias, low-rank update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class DenseWeight(Protocol):
    """A frozen weight that is held in few bits, and written out where it is used."""

    def dense(self) -> Tensor:
        """The weight, [out, in], in the type of the products; made anew at every call."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """``y = W x + bias + scale * B(A(dropout(x)))``, less what an update started with.

    Attributes:
        weight: [out, in]; a frozen one in the type of the products, a trained one in its own, or
            one that is written out at its use.
        bias: [out]; None: none.
        a: [r, in] float32; None: there is no update.
        b: [out, r] float32.
        scale: of the update.
        dropout: probability of zeroing an input of the update, in training.
        start_a: [r, in] of the update that is taken off again (PiSSA); None: none.
        start_b: [out, r].
    """

    weight: Tensor | DenseWeight
    bias: Tensor | None = None
    a: Tensor | None = None
    b: Tensor | None = None
    scale: float = 1.0
    dropout: float = 0.0
    start_a: Tensor | None = None
    start_b: Tensor | None = None


class _DenseProduct(torch.autograd.Function):
    """Keeps the few bits, and writes the weight out again for the input's gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: DenseWeight, bias: Tensor | None) -> Tensor:
        ctx.weight, ctx.dtype = weight, x.dtype
        dense = weight.dense()
        bias = None if bias is None else bias.to(dense.dtype)
        return functional.linear(x.to(dense.dtype), dense, bias)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        if not ctx.needs_input_grad[0]:
            return None, None, None
        dense = ctx.weight.dense()
        return (grad_outputs[0].to(dense.dtype) @ dense).to(ctx.dtype), None, None


def apply_linear(x: Tensor, layer: Linear, training: bool) -> Tensor:
    """The layer's output of [T, in], [T, out]."""
    if isinstance(layer.weight, Tensor):
        found = functional.linear(x, layer.weight, layer.bias)
    else:
        found = _DenseProduct.apply(x, layer.weight, layer.bias)
    if layer.start_a is not None and layer.start_b is not None:
        found = found - _low_rank(x, layer.start_a, layer.start_b, layer.scale).to(found.dtype)
    if layer.a is None or layer.b is None:
        return found
    dropped = functional.dropout(x, layer.dropout, training) if layer.dropout else x
    return found + _low_rank(dropped, layer.a, layer.b, layer.scale).to(found.dtype)


def _low_rank(x: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
    if not torch.is_autocast_enabled(x.device.type):  # which casts by itself
        x = x.to(a.dtype)
    return functional.linear(functional.linear(x, a), b) * scale
