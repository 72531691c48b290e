"""Whole: the pieces of a block as a GPU wants them, each over all tokens at once.

What is kept for the backward pass is the least that the products need: a norm's input and not its
output, gate and up and not what SwiGLU makes of them. Nothing is copied to be cast, frozen weights
get no gradient, and where the input needs none (the first layer under adapters) no product is made
for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model import kernels
from tunesmith.model.fused.linear import Linear
from tunesmith.model.fused.whole_linears import (
    Kept,
    input_gradient,
    low_gradient,
    outputs,
    product_type,
    reads_input,
    tensors_of,
    weight_gradients,
)


class _NormedLinears(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_weight: Tensor,
        eps: float,
        layers: Sequence[Linear],
        training: bool,
        dtype: torch.dtype,
        *_: Tensor | None,
    ) -> tuple[Tensor, ...]:
        with _products(x):
            normed, scale = kernels.rms_norm(x, norm_weight, eps, dtype)
            found, kept = outputs(normed, layers, training)
        ctx.save_for_backward(x, norm_weight, scale, kept.low, *kept.masks)
        ctx.layers, ctx.eps, ctx.dtype = layers, eps, dtype
        return tuple(found)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        x, norm_weight, scale, low, *masks = ctx.saved_tensors
        kept = Kept(low, tuple(masks))
        with _products(x):
            grad_x, grad_norm, found = _behind_norm(ctx, grads, x, norm_weight, scale, kept, None)
        return grad_x, grad_norm, None, None, None, None, *found


class _AddLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        residual: Tensor,
        x: Tensor,
        layer: Linear,
        training: bool,
        dtype: torch.dtype,
        *_: Tensor | None,
    ) -> Tensor:
        given = x.to(dtype)
        with _products(x):
            (found,), kept = outputs(given, (layer,), training, residual)
        ctx.save_for_backward(given if reads_input((layer,)) else None, kept.low, *kept.masks)
        ctx.layers, ctx.dtype, ctx.given_type = (layer,), dtype, x.dtype
        return found

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, low, *masks = ctx.saved_tensors
        kept = Kept(low, tuple(masks))
        given, grad_x = (grad.to(ctx.dtype),), None
        with _products(grad):
            grad_low = low_gradient(given, ctx.layers, kept)
            found = weight_gradients(given, x, ctx.layers, kept, grad_low)
            if ctx.needs_input_grad[1]:
                grad_x = input_gradient(given, ctx.layers, kept, grad_low)
        grad_x = None if grad_x is None else grad_x.to(ctx.given_type)
        return grad, grad_x, None, None, None, *found


class _GatedMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_weight: Tensor,
        eps: float,
        layers: Sequence[Linear],
        training: bool,
        dtype: torch.dtype,
        *_: Tensor | None,
    ) -> Tensor:
        with _products(x):
            normed, scale = kernels.rms_norm(x, norm_weight, eps, dtype)
            (gate, up), kept = outputs(normed, layers[:2], training)
            del normed
            (found,), last = outputs(kernels.swiglu(gate, up), layers[2:], training, x)
        ctx.save_for_backward(
            x, norm_weight, scale, gate, up, kept.low, last.low, *kept.masks, *last.masks
        )
        ctx.layers, ctx.down, ctx.eps, ctx.dtype = layers[:2], layers[2:], eps, dtype
        return found

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, norm_weight, scale, gate, up, low, down_low, *masks = ctx.saved_tensors
        kept, last = Kept(low, tuple(masks[:2])), Kept(down_low, tuple(masks[2:]))
        given = (grad.to(ctx.dtype),)
        with _products(x):
            grad_low = low_gradient(given, ctx.down, last)
            product = input_gradient(given, ctx.down, last, grad_low)  # its gradient, so far
            reads = reads_input(ctx.down)
            kernels.swiglu_backward_(product, gate, up, wants_product=reads)
            of_down = weight_gradients(given, product if reads else None, ctx.down, last, grad_low)
            del product
            grad_x, grad_norm, found = _behind_norm(
                ctx, (gate, up), x, norm_weight, scale, kept, grad
            )
        return grad_x, grad_norm, None, None, None, None, *found, *of_down


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        found, scale = kernels.rms_norm(x, weight, eps, torch.promote_types(x.dtype, weight.dtype))
        ctx.save_for_backward(x, weight, scale)
        return found

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        grad_x, grad_weight = kernels.rms_norm_backward(
            grads[0], x, weight, scale, wants_weight=ctx.needs_input_grad[1]
        )
        return grad_x, None if grad_weight is None else grad_weight.to(weight.dtype), None


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return kernels.rotate(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        return kernels.rotate(grads[0], *ctx.saved_tensors, inverse=True), None, None


def normed_linears(
    x: Tensor, norm_weight: Tensor, eps: float, layers: Sequence[Linear], training: bool
) -> tuple[Tensor, ...] | None:
    """See :func:`tunesmith.model.fused.normed_linears`; None: not for these types."""
    dtype = product_type(x, layers)
    if dtype is None:
        return None
    tensors = tensors_of(layers)
    return _NormedLinears.apply(x, norm_weight, eps, layers, training, dtype, *tensors)


def add_linear(residual: Tensor, x: Tensor, layer: Linear, training: bool) -> Tensor | None:
    """See :func:`tunesmith.model.fused.add_linear`; None: not for these types."""
    dtype = product_type(x, (layer,))
    if dtype is None:
        return None
    return _AddLinear.apply(residual, x, layer, training, dtype, *tensors_of((layer,)))


def gated_mlp(
    x: Tensor,
    norm_weight: Tensor,
    eps: float,
    gate: Linear,
    up: Linear,
    down: Linear,
    training: bool,
) -> Tensor | None:
    """See :func:`tunesmith.model.fused.gated_mlp`; None: not for these types."""
    layers = (gate, up, down)
    dtype = product_type(x, layers)
    if dtype is None:
        return None
    tensors = tensors_of(layers)
    return _GatedMLP.apply(x, norm_weight, eps, layers, training, dtype, *tensors)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See :func:`tunesmith.model.fused.rms_norm`."""
    return _Norm.apply(x, weight, eps)


def rotate_one(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """See :func:`tunesmith.model.fused.rotate_one`."""
    return _Rotation.apply(x, cos, sin)


def _behind_norm(
    ctx: Any,
    grads: Sequence[Tensor],
    x: Tensor,
    norm_weight: Tensor,
    scale: Tensor,
    kept: Kept,
    added: Tensor | None,
) -> tuple[Tensor | None, Tensor | None, list[Tensor | None]]:
    """Gradients of a norm's input, of its weight, and of what the layers behind it train.

    Args:
        ctx: of a function whose first two inputs are ``x`` and ``norm_weight``.
        grads: of the layers' outputs.
        x: of the norm.
        norm_weight: of the norm.
        scale: that the norm gave.
        kept: that the layers gave.
        added: joins the gradient of ``x``.
    """
    layers: Sequence[Linear] = ctx.layers
    normed = None
    if reads_input(layers):
        normed, _ = kernels.rms_norm(x, norm_weight, ctx.eps, ctx.dtype)
    grad_low = low_gradient(grads, layers, kept)
    found = weight_gradients(grads, normed, layers, kept, grad_low)
    del normed
    wants_x, wants_weight = ctx.needs_input_grad[:2]
    if not wants_x and not wants_weight:
        return None, None, found
    grad_normed = input_gradient(grads, layers, kept, grad_low)
    grad_x, grad_weight = kernels.rms_norm_backward(
        grad_normed, x, norm_weight, scale, added=added, wants_weight=wants_weight
    )
    return grad_x, None if grad_weight is None else grad_weight.to(norm_weight.dtype), found


def _products(x: Tensor) -> torch.autocast:
    """Inside, nothing is cast behind our back: every type is said."""
    return torch.autocast(x.device.type, enabled=False)
