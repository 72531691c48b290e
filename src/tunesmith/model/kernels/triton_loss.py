"""Loss: what a chunk of logits adds to a loss, and its gradient in place, in Triton."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from tunesmith.model.kernels.launch import launch, n_blocks_of, power_of_2

BLOCK = 4096
"""Logits that a program looks at at a time; one program has a whole row."""
WARPS = 8


@triton.jit
def _sums(
    logits_ptr, labels_ptr, normalisers_ptr, picked_ptr, hits_ptr, stride, vocabulary,
    BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    label = tl.load(labels_ptr + row)
    start_ptr = logits_ptr + row * stride
    # The largest so far, its place, and the sum of the exponentials relative to it.
    largest = tl.full((), -float("inf"), tl.float32)
    place = tl.zeros((), tl.int32)
    total = tl.zeros((), tl.float32)
    for start in range(0, vocabulary, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        inside = columns < vocabulary
        found = tl.load(start_ptr + columns, mask=inside, other=-float("inf")).to(tl.float32)
        top, where = tl.max(found, axis=0, return_indices=True)
        place = tl.where(top > largest, start + where, place)
        now = tl.maximum(top, largest)
        total = total * tl.exp(largest - now) + tl.sum(tl.exp(found - now), axis=0)
        largest = now
    tl.store(normalisers_ptr + row, largest + tl.log(total))
    tl.store(picked_ptr + row, tl.load(start_ptr + label).to(tl.float32))
    tl.store(hits_ptr + row, (place == label).to(tl.int8))


@triton.jit
def _gradient(
    logits_ptr, labels_ptr, normalisers_ptr, weights_ptr, stride, vocabulary, n_blocks,
    HAS_WEIGHTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    row = (program // n_blocks).to(tl.int64)
    columns = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < vocabulary
    at = logits_ptr + row * stride + columns
    label = tl.load(labels_ptr + row)
    normaliser = tl.load(normalisers_ptr + row)
    logits = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    gradient = tl.exp(logits - normaliser) - tl.where(columns == label, 1.0, 0.0)
    if HAS_WEIGHTS:
        gradient *= tl.load(weights_ptr + row).to(tl.float32)
    tl.store(at, gradient.to(logits_ptr.dtype.element_ty), mask=inside)


def label_sums(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`tunesmith.model.kernels.label_sums`."""
    n_rows, vocabulary = logits.shape
    normalisers = torch.empty(n_rows, dtype=torch.float32, device=logits.device)
    picked = torch.empty_like(normalisers)
    hits = torch.empty(n_rows, dtype=torch.int8, device=logits.device)
    launch(
        _sums, n_rows, logits, labels, normalisers, picked, hits, logits.stride(0), vocabulary,
        BLOCK=min(BLOCK, power_of_2(vocabulary)), n_warps=WARPS,
    )  # fmt: skip
    return normalisers, picked, hits.bool()


def softmax_gradient_(
    logits: Tensor, labels: Tensor, normalisers: Tensor, row_weights: Tensor | None
) -> None:
    """See :func:`tunesmith.model.kernels.softmax_gradient_`."""
    n_rows, vocabulary = logits.shape
    n_blocks = n_blocks_of(vocabulary, BLOCK)
    launch(
        _gradient, n_rows * n_blocks, logits, labels, normalisers, row_weights,
        logits.stride(0), vocabulary, n_blocks,
        HAS_WEIGHTS=row_weights is not None, BLOCK=BLOCK, n_warps=WARPS,
    )  # fmt: skip
