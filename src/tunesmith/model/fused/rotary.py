"""Rotary: positions turned into angles of queries and keys (Su et al. 2021, arXiv:2104.09864)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.fused import whole
from tunesmith.model.kernels.choice import runs_whole


def rotate(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Queries [T, H, D] and keys [T, Hkv, D] turned by the angles of their positions.

    Args:
        q: [T, H, D].
        k: [T, Hkv, D].
        cos: [T, D] of every place; the second half of D is the first again.
        sin: [T, D].
    """
    return rotate_one(q, cos, sin), rotate_one(k, cos, sin)


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        ctx.dtype = x.dtype
        return _turned(x, cos, sin, torch.promote_types(x.dtype, cos.dtype))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(grad_outputs[0], cos, -sin, ctx.dtype), None, None  # back by the same angle


def rotate_one(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """One of them alone, [T, H, D]: the last layer's queries are fewer than its keys."""
    if runs_whole(x):
        return whole.rotate_one(x, cos, sin)
    return _Rotation.apply(x, cos, sin)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype) -> Tensor:
    half = x.shape[-1] // 2
    cos, sin = cos[:, None], sin[:, None]  # [T, 1, D]
    found = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, cos.dtype), device=x.device)
    torch.mul(x, cos, out=found)
    found[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    found[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return found.to(dtype)
