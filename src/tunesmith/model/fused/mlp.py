"""MLP: the gated layers of a block as one function, from the residual to the residual."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.fused import whole
from tunesmith.model.fused.linear import Linear
from tunesmith.model.fused.norm import normalise, normalise_back, scaled, tiles
from tunesmith.model.fused.products import multiply, put_back, taken_out
from tunesmith.model.kernels.choice import runs_whole


def gate_up(gates: Tensor, ups: Tensor) -> Tensor:
    """``silu(gates) * ups``, [T, F] in their type."""
    found = torch.empty_like(gates)
    for rows in tiles(gates):
        torch.ops.aten.silu.out(gates[rows], out=found[rows]).mul_(ups[rows])
    return found


def gate_up_back(
    grad: Tensor, gates: Tensor, ups: Tensor, wants_mixed: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients of gates and ups, and ``silu(gates) * ups`` again where it is wanted.

    Args:
        grad: [T, F], of the product; changed, it becomes the gradient of the gates.
        gates: [T, F].
        ups: [T, F].
        wants_mixed: whether the product is needed once more.
    """
    grad_ups = torch.empty_like(ups)
    mixed = torch.empty_like(ups) if wants_mixed else None
    for rows in tiles(gates):
        own, gate, up = grad[rows], gates[rows], ups[rows]
        active = torch.ops.aten.silu.out(gate, out=grad_ups[rows])
        if mixed is not None:
            torch.mul(active, up, out=mixed[rows])
        active.mul_(own)  # the gradient of the ups, from here on
        torch.ops.aten.silu_backward.grad_input(own.mul_(up), gate, grad_input=own)
    return grad, grad_ups, mixed


class _GatedMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_weight: Tensor,
        eps: float,
        layers: tuple[Linear, Linear, Linear],
        training: bool,
        *trainable: Tensor | None,
    ) -> Tensor:
        dtype, _ = layers[0].dtypes(x.device.type)
        with torch.autocast(x.device.type, enabled=False):
            normed, inverse = normalise(x, norm_weight, eps, dtype)
        gates, gate = multiply(normed, layers[0], training)
        ups, up = multiply(normed, layers[1], training)
        del normed
        added, down = multiply(gate_up(gates, ups), layers[2], training)
        ctx.products, ctx.dtype = (gate, up, down), dtype
        ctx.save_for_backward(x, norm_weight, inverse, gates, ups, *taken_out(ctx.products))
        wide = torch.promote_types(x.dtype, added.dtype)
        return added.add_(x) if added.dtype == wide else x + added

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, norm_weight, inverse, gates, ups, *held = ctx.saved_tensors
        gate, up, down = products = ctx.products
        put_back(products, held)
        [grad], needs = grads, ctx.needs_input_grad
        wants_below = any(needs[:2]) or any(needs[5:13])
        with torch.autocast(x.device.type, enabled=False):
            lowered = grad.to(down.dtype)
            mixed = None
            grad_gates = grad_ups = total = None
            if wants_below:
                grad_mixed = down.add_input_grad(lowered, None).to(gates.dtype)
                grad_gates, grad_ups, mixed = gate_up_back(grad_mixed, gates, ups, any(needs[13:]))
            elif any(needs[13:]):
                mixed = gate_up(gates, ups)
            found = [*down.back(lowered, needs[13:], lambda: mixed)]  # pyright: ignore
            below: list[Tensor | None] = []
            normed = scaled(x, inverse, norm_weight, ctx.dtype) if any(needs[5:13]) else None
            for own, product, first in ((grad_gates, gate, 5), (grad_ups, up, 9)):
                if own is None:
                    below += [None] * 4
                    continue
                below += product.back(own, needs[first : first + 4], lambda: normed)  # pyright: ignore
                if needs[0] or needs[1]:
                    total = product.add_input_grad(own, total)
            grad_x, grad_norm = grad.to(x.dtype), None
            if total is not None:
                through, grad_norm = normalise_back(total, x, inverse, norm_weight, needs[1])
                grad_x = through.add_(grad)
        return grad_x, grad_norm, None, None, None, *below, *found


def gated_mlp(
    x: Tensor,
    norm_weight: Tensor,
    eps: float,
    gate: Linear,
    up: Linear,
    down: Linear,
    training: bool,
) -> Tensor:
    """``x + down(silu(gate(n)) * up(n))``, n being the normalised x.

    Args:
        x: [T, D], the residual.
        norm_weight: [D].
        eps: of the norm.
        gate: from D to the width of the MLP, F.
        up: from D to F.
        down: from F to D.
        training: whether dropout is on.

    Returns:
        [T, D].

    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """
    if runs_whole(x):
        found = whole.gated_mlp(x, norm_weight, eps, gate, up, down, training)
        if found is not None:
            return found
    layers = (gate, up, down)
    trainable = [tensor for layer in layers for tensor in layer.trainable]
    return _GatedMLP.apply(x, norm_weight, eps, layers, training, *trainable)
