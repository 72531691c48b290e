"""Rotary: positions turned into queries or keys in Triton, all heads of a token to a program."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from tunesmith.model.kernels.launch import launch, power_of_2, warps_for


@triton.jit
def _rotate(
    x_ptr, out_ptr, cos_ptr, sin_ptr, x_row, x_head, out_row, out_head, cos_row, sin_row,
    n_heads, half, INVERSE: tl.constexpr, HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    heads = tl.arange(0, HEADS)[:, None]
    columns = tl.arange(0, HALF)[None, :]
    is_column = columns < half
    cos = tl.load(cos_ptr + row * cos_row + columns, mask=is_column, other=0.0).to(tl.float32)
    sin = tl.load(sin_ptr + row * sin_row + columns, mask=is_column, other=0.0).to(tl.float32)
    if INVERSE:
        sin = -sin
    inside = (heads < n_heads) & is_column
    x_at = x_ptr + row * x_row + heads * x_head + columns
    # Both halves are read before either is written, so that `out` may be `x`.
    first = tl.load(x_at, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(x_at + half, mask=inside, other=0.0).to(tl.float32)
    out_at = out_ptr + row * out_row + heads * out_head + columns
    kind = out_ptr.dtype.element_ty
    tl.store(out_at, (first * cos - second * sin).to(kind), mask=inside)
    tl.store(out_at + half, (second * cos + first * sin).to(kind), mask=inside)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor, inverse: bool) -> None:
    """See :func:`tunesmith.model.kernels.rotate`."""
    n_tokens, n_heads, width = x.shape
    half = width // 2
    heads, padded = power_of_2(n_heads), power_of_2(half)
    launch(
        _rotate, n_tokens, x, out, cos, sin, x.stride(0), x.stride(1), out.stride(0), out.stride(1),
        cos.stride(0), sin.stride(0), n_heads, half,
        INVERSE=inverse, HEADS=heads, HALF=padded, n_warps=warps_for(heads * padded),
    )  # fmt: skip
