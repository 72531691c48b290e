"""SwiGLU: ``silu(gate) * up`` and its backward in Triton; the backward overwrites its inputs."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from tunesmith.model.kernels.launch import launch, n_blocks_of, warps_for

BLOCK = 1024


@triton.jit
def _forward(
    gate_ptr, up_ptr, out_ptr, gate_stride, up_stride, width, n_blocks, BLOCK: tl.constexpr
):  # fmt: skip
    program = tl.program_id(0)
    row = (program // n_blocks).to(tl.int64)
    columns = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    gate = tl.load(gate_ptr + row * gate_stride + columns, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(up_ptr + row * up_stride + columns, mask=inside, other=0.0).to(tl.float32)
    product = gate * tl.sigmoid(gate) * up
    tl.store(out_ptr + row * width + columns, product.to(out_ptr.dtype.element_ty), mask=inside)


@triton.jit
def _backward(
    grad_ptr,
    gate_ptr,
    up_ptr,
    grad_stride,
    gate_stride,
    up_stride,
    width,
    n_blocks,
    WANTS_PRODUCT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0)
    row = (program // n_blocks).to(tl.int64)
    columns = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    grad_at = grad_ptr + row * grad_stride + columns
    gate_at = gate_ptr + row * gate_stride + columns
    up_at = up_ptr + row * up_stride + columns
    grad = tl.load(grad_at, mask=inside, other=0.0).to(tl.float32)
    gate = tl.load(gate_at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(up_at, mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(gate)
    active = gate * share
    grad_gate = grad * up * share * (1.0 + gate * (1.0 - share))
    tl.store(gate_at, grad_gate.to(gate_ptr.dtype.element_ty), mask=inside)
    tl.store(up_at, (grad * active).to(up_ptr.dtype.element_ty), mask=inside)
    if WANTS_PRODUCT:
        tl.store(grad_at, (active * up).to(grad_ptr.dtype.element_ty), mask=inside)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """See :func:`tunesmith.model.kernels.swiglu`."""
    n_rows, width = gate.shape
    out = torch.empty(n_rows, width, dtype=gate.dtype, device=gate.device)
    n_blocks = n_blocks_of(width, BLOCK)
    launch(
        _forward, n_rows * n_blocks, gate, up, out, gate.stride(0), up.stride(0), width, n_blocks,
        BLOCK=BLOCK, n_warps=warps_for(BLOCK),
    )  # fmt: skip
    return out


def swiglu_backward_(grad: Tensor, gate: Tensor, up: Tensor, wants_product: bool) -> None:
    """See :func:`tunesmith.model.kernels.swiglu_backward_`."""
    n_rows, width = gate.shape
    n_blocks = n_blocks_of(width, BLOCK)
    launch(
        _backward, n_rows * n_blocks, grad, gate, up,
        grad.stride(0), gate.stride(0), up.stride(0), width, n_blocks,
        WANTS_PRODUCT=wants_product, BLOCK=BLOCK, n_warps=warps_for(BLOCK),
    )  # fmt: skip
