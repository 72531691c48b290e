"""Norm: root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4).

Rows are worked in tiles that stay in a core's cache over the few passes of a norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.fused import whole
from tunesmith.model.kernels.choice import runs_whole

TILE_BYTES = 2**18
"""Of a tile of rows on a CPU, for each thread: several of them share a core's second-level cache.
With two threads a step of 15 million weights takes 1.08 times as long in tiles of half the size."""


def tiles(x: Tensor) -> Iterator[slice]:
    """Rows of [T, ...] that are worked at once: all on a GPU, on a CPU what its cache holds."""
    n_rows = x.shape[0]
    size = max(n_rows, 1)
    if x.device.type == "cpu" and n_rows:
        size = TILE_BYTES * torch.get_num_threads() // max(1, x.element_size() * x[0].numel())
        size = max(16, size)
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


def normalise(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """``weight * x / sqrt(mean(x^2) + eps)`` in ``dtype``, and the root's inverse.

    Args:
        x: [T, D].
        weight: [D].
        eps: added to the mean.
        dtype: of the result.

    Returns:
        [T, D] in ``dtype``, and [T, 1] in float32 or x's wider type.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=wide)
    inverse = length.square_().mul_(1 / x.shape[1]).add_(eps).rsqrt_()  # [T, 1]
    return scaled(x, inverse, weight, dtype), inverse


def scaled(x: Tensor, inverse: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
    """``weight * x * inverse`` in ``dtype``, [T, D], from a root's inverse [T, 1]."""
    found = torch.empty(x.shape, dtype=dtype, device=x.device)
    for rows in tiles(x):
        # What transformers rounds to x's type before it multiplies by the weight is rounded here.
        normed = (x[rows] * inverse[rows]).to(x.dtype)
        torch.mul(normed, weight, out=found[rows])
    return found


def normalise_back(
    grad: Tensor, x: Tensor, inverse: Tensor, weight: Tensor, needs_weight: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradients of a norm's input and, where it is trained, of its weight.

    Args:
        grad: [T, D], of the output.
        x: [T, D].
        inverse: [T, 1], of the root.
        weight: [D].
        needs_weight: whether the weight is trained.

    Returns:
        [T, D] in x's type and [D]; with n = x * inverse and g = weight * grad the first is
        inverse * (g - n * mean(n * g)).
    """
    wide, width = inverse.dtype, x.shape[1]
    grad_x = torch.empty_like(x)
    grad_weight = torch.zeros(width, dtype=wide, device=x.device) if needs_weight else None
    for rows in tiles(x):
        tile, root = x[rows], inverse[rows]
        scaled_grad = torch.mul(grad[rows].to(wide), weight)  # g
        along = torch.linalg.vecdot(scaled_grad, tile.to(wide))[:, None]
        if grad_weight is not None:
            grad_weight += (grad[rows] * (tile * root)).sum(0)
        # n * mean(n * g) * inverse = x * inverse^3 * sum(x * g) / D
        scaled_grad *= root
        scaled_grad.addcmul_(tile, along * root.pow(3) * (-1 / width))
        grad_x[rows] = scaled_grad
    return grad_x, None if grad_weight is None else grad_weight.to(weight.dtype)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            dtype = torch.promote_types(x.dtype, weight.dtype)
            normed, inverse = normalise(x, weight, eps, dtype)
        ctx.save_for_backward(x, weight, inverse)
        return normed

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        x, weight, inverse = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            grad_x, grad_weight = normalise_back(
                grad_outputs[0], x, inverse, weight, ctx.needs_input_grad[1]
            )
        return grad_x, grad_weight, None


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``weight * x / sqrt(mean(x^2) + eps)``, the mean in float32.

    Args:
        x: [T, D].
        weight: [D].
        eps: added to the mean.

    Returns:
        [T, D] in the wider of both types.
    """
    if runs_whole(x):
        return whole.rms_norm(x, weight, eps)
    return _Norm.apply(x, weight, eps)
