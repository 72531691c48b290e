"""Norm: RMSNorm forward and backward in Triton, one row of states to a program."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tunesmith.model.kernels.launch import launch, n_blocks_of, power_of_2, warps_for

WEIGHT_ROWS = 64
"""Rows to a program where the norm's weight trains: each leaves one partial sum of its gradient."""


@triton.jit
def _forward(
    x_ptr, w_ptr, y_ptr, scale_ptr, x_stride, y_stride, width, eps, BLOCK: tl.constexpr
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    x = tl.load(x_ptr + row * x_stride + columns, mask=inside, other=0.0).to(tl.float32)
    weight = tl.load(w_ptr + columns, mask=inside, other=0.0).to(tl.float32)
    scale = tl.math.rsqrt(tl.sum(x * x, axis=0) / width + eps)
    tl.store(scale_ptr + row, scale)
    y = x * scale * weight
    tl.store(y_ptr + row * y_stride + columns, y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def _backward(
    grad_ptr,
    x_ptr,
    w_ptr,
    scale_ptr,
    added_ptr,
    grad_x_ptr,
    partial_ptr,
    grad_stride,
    x_stride,
    added_stride,
    n_rows,
    width,
    ROWS: tl.constexpr,
    HAS_ADDED: tl.constexpr,
    WANTS_WEIGHT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    weight = tl.load(w_ptr + columns, mask=inside, other=0.0).to(tl.float32)
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for number in range(ROWS):
        row = program * ROWS + number
        # A row past the end loads zeros, stores nothing and adds nothing.
        here = columns < tl.where(row < n_rows, width, 0)
        grad = tl.load(grad_ptr + row * grad_stride + columns, mask=here, other=0.0)
        grad = grad.to(tl.float32)
        x = tl.load(x_ptr + row * x_stride + columns, mask=here, other=0.0).to(tl.float32)
        scale = tl.load(scale_ptr + tl.minimum(row, n_rows - 1))
        normed = x * scale
        if WANTS_WEIGHT:
            total += grad * normed
        inner = grad * weight
        share = tl.sum(inner * normed, axis=0) / width
        result = (inner - normed * share) * scale
        if HAS_ADDED:
            added = tl.load(added_ptr + row * added_stride + columns, mask=here, other=0.0)
            result += added.to(tl.float32)
        result = result.to(grad_x_ptr.dtype.element_ty)
        tl.store(grad_x_ptr + row * width + columns, result, mask=here)
    if WANTS_WEIGHT:
        tl.store(partial_ptr + program * width + columns, total, mask=inside)


def rms_norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """See :func:`tunesmith.model.kernels.rms_norm`."""
    n_rows, width = x.shape
    block = power_of_2(width)
    y = torch.empty(n_rows, width, dtype=dtype, device=x.device)
    scale = torch.empty(n_rows, dtype=torch.float32, device=x.device)
    launch(
        _forward, n_rows, x, weight, y, scale, x.stride(0), y.stride(0), width, eps,
        BLOCK=block, n_warps=warps_for(block),
    )  # fmt: skip
    return y, scale


def rms_norm_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    added: Tensor | None,
    wants_weight: bool,
) -> tuple[Tensor, Tensor | None]:
    """See :func:`tunesmith.model.kernels.rms_norm_backward`."""
    n_rows, width = x.shape
    block = power_of_2(width)
    rows = WEIGHT_ROWS if wants_weight else 1
    n_programs = n_blocks_of(n_rows, rows)
    grad_x = torch.empty(n_rows, width, dtype=x.dtype, device=x.device)
    partial: Any = None
    if wants_weight:
        partial = torch.empty(n_programs, width, dtype=torch.float32, device=x.device)
    launch(
        _backward, n_programs, grad, x, weight, scale, added, grad_x, partial,
        grad.stride(0), x.stride(0), 0 if added is None else added.stride(0), n_rows, width,
        ROWS=rows, HAS_ADDED=added is not None, WANTS_WEIGHT=wants_weight,
        BLOCK=block, n_warps=warps_for(block),
    )  # fmt: skip
    return grad_x, None if partial is None else partial.sum(0)
