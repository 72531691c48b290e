"""Block: a norm with the layers that read it, and a layer added to the residual.

Backward passes make the normalised states again, which is cheaper than to keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.fused import whole
from tunesmith.model.fused.linear import Linear
from tunesmith.model.fused.norm import normalise, normalise_back, scaled
from tunesmith.model.fused.products import Product, multiply, put_back, taken_out
from tunesmith.model.kernels.choice import runs_whole


class _NormedLinears(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_weight: Tensor,
        eps: float,
        layers: Sequence[Linear],
        training: bool,
        *trainable: Tensor | None,
    ) -> tuple[Tensor, ...]:
        dtype, _ = layers[0].dtypes(x.device.type)
        with torch.autocast(x.device.type, enabled=False):
            normed, inverse = normalise(x, norm_weight, eps, dtype)
        found = [multiply(normed, layer, training) for layer in layers]
        ctx.products = [product for _, product in found]
        ctx.dtype = dtype
        ctx.save_for_backward(x, norm_weight, inverse, *taken_out(ctx.products))
        ctx.set_materialize_grads(False)
        return tuple(output for output, _ in found)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, norm_weight, inverse, *held = ctx.saved_tensors
        products: list[Product] = ctx.products
        put_back(products, held)
        needs = ctx.needs_input_grad
        with torch.autocast(x.device.type, enabled=False):
            normed = None
            if any(needs[5:]):
                normed = scaled(x, inverse, norm_weight, ctx.dtype)
            total: Tensor | None = None
            found: list[Tensor | None] = []
            for index, (product, grad) in enumerate(zip(products, grads, strict=True)):
                if grad is None:
                    found += [None] * 4
                    continue
                if needs[0] or needs[1]:
                    total = product.add_input_grad(grad, total)
                own = needs[5 + 4 * index : 9 + 4 * index]
                found += product.back(grad, own, lambda: normed)  # pyright: ignore
            grad_x = grad_norm = None
            if total is not None:
                grad_x, grad_norm = normalise_back(total, x, inverse, norm_weight, needs[1])
        return grad_x, grad_norm, None, None, None, *found


def normed_linears(
    x: Tensor, norm_weight: Tensor, eps: float, layers: Sequence[Linear], training: bool
) -> tuple[Tensor, ...]:
    """Layers that read the same normalised states: queries, keys, values.

    Args:
        x: [T, D], the residual.
        norm_weight: [D].
        eps: of the norm.
        layers: each from D to its own width.
        training: whether dropout is on.

    Returns:
        [T, out] of each layer.
    """
    if runs_whole(x):
        found = whole.normed_linears(x, norm_weight, eps, layers, training)
        if found is not None:
            return found
    trainable = [tensor for layer in layers for tensor in layer.trainable]
    return _NormedLinears.apply(x, norm_weight, eps, layers, training, *trainable)


class _AddLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        residual: Tensor,
        x: Tensor,
        layer: Linear,
        training: bool,
        *trainable: Tensor | None,
    ) -> Tensor:
        added, product = multiply(x, layer, training)
        ctx.product, ctx.types = product, (residual.dtype, x.dtype, added.dtype)
        keeps_x = any(ctx.needs_input_grad[4:])
        ctx.save_for_backward(x if keeps_x else None, *taken_out([product]))
        dtype = torch.promote_types(residual.dtype, added.dtype)
        return added.add_(residual) if added.dtype == dtype else residual + added

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, *held = ctx.saved_tensors
        product: Product = ctx.product
        put_back([product], held)
        [grad], (of_residual, of_x, dtype) = grads, ctx.types
        needs = ctx.needs_input_grad
        with torch.autocast(grad.device.type, enabled=False):
            lowered = grad.to(dtype)
            grad_x = product.add_input_grad(lowered, None).to(of_x) if needs[1] else None
            found = product.back(lowered, needs[4:], lambda: x)
        return grad.to(of_residual), grad_x, None, None, *found


def add_linear(residual: Tensor, x: Tensor, layer: Linear, training: bool) -> Tensor:
    """``residual + layer(x)``.

    Args:
        residual: [T, D].
        x: [T, in].
        layer: from in to D.
        training: whether dropout is on.

    Returns:
        [T, D].
    """
    if runs_whole(x):
        found = whole.add_linear(residual, x, layer, training)
        if found is not None:
            return found
    return _AddLinear.apply(residual, x, layer, training, *layer.trainable)
