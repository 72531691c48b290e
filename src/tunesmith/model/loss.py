"""Cross-entropy and log-probabilities of a linear head: the logits of few rows exist at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_LOGITS = {"cpu": 2**19, "cuda": 2**25}
"""Logits held at once. On a CPU they must stay in its cache: at 2**23 a step of a small model takes
1.7 times as long as at 2**19."""
LEAST_ROWS = 64
"""Rows of a chunk at the least, however large the vocabulary, so that products stay efficient."""


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the gradients in the forward pass, while a chunk's logits are at hand."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        labels: Tensor,
        row_weights: Tensor | None,
        wants_grad: bool,
    ) -> tuple[Tensor, Tensor]:
        n_rows, vocabulary = hidden.shape[0], weight.shape[0]
        chunk = max(LEAST_ROWS, CHUNK_LOGITS.get(hidden.device.type, 2**23) // vocabulary)
        total = hidden.new_zeros((), dtype=torch.float32)
        n_correct = torch.zeros((), dtype=torch.int64, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wants_grad and ctx.needs_input_grad[0] else None
        grad_weight = (
            torch.zeros_like(weight, dtype=torch.float32)
            if wants_grad and ctx.needs_input_grad[1]
            else None
        )
        for start in range(0, n_rows, chunk):
            rows = slice(start, start + chunk)
            logits = (hidden[rows] @ weight.t()).float()  # [n, V]
            picked = logits.gather(1, labels[rows, None])[:, 0]
            n_correct += (logits.argmax(1) == labels[rows]).sum()
            normaliser = logits.logsumexp(1)
            losses = normaliser - picked  # [n]
            total += (losses if row_weights is None else losses * row_weights[rows]).sum()
            if grad_hidden is None and grad_weight is None:
                continue
            gradient = logits.sub_(normaliser[:, None]).exp_()  # softmax, [n, V]
            gradient.scatter_add_(
                1, labels[rows, None], gradient.new_full((1, 1), -1.0).expand(len(picked), 1)
            )
            if row_weights is not None:
                gradient *= row_weights[rows, None]
            if grad_hidden is not None:
                grad_hidden[rows] = gradient.to(weight.dtype) @ weight
            if grad_weight is not None:
                grad_weight += gradient.t() @ hidden[rows].float()
        ctx.save_for_backward(
            grad_hidden, None if grad_weight is None else grad_weight.to(weight.dtype)
        )
        ctx.mark_non_differentiable(n_correct)
        return total, n_correct

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        grad_total = grad_outputs[0]
        grad_hidden, grad_weight = ctx.saved_tensors
        return (
            None if grad_hidden is None else grad_hidden * grad_total,
            None if grad_weight is None else grad_weight * grad_total,
            None,
            None,
            None,
        )


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, row_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of ``hidden @ weight.T`` against labels, summed over rows.

    Args:
        hidden: [N, D] states under the head.
        weight: [V, D] of the head; its gradient is made only if it is trained.
        labels: [N] int64, each in [0, V).
        row_weights: [N] float32, of each row in the sum; None: all weigh 1.

    Returns:
        The sum in nats, [] float32, and how many rows have their label on top, [] int64.
    """
    return _LinearCrossEntropy.apply(hidden, weight, labels, row_weights, torch.is_grad_enabled())


class _LinearLogps(torch.autograd.Function):
    """Keeps no logits: the backward pass makes those of each chunk again."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        dtype = _product_dtype(hidden, weight)
        logps = hidden.new_empty(len(labels), dtype=torch.float32)
        normalisers = torch.empty_like(logps)
        held = weight.to(dtype)
        for rows in _chunks(hidden, weight):
            logits = (hidden[rows].to(dtype) @ held.t()).float()  # [n, V]
            normalisers[rows] = logits.logsumexp(1)
            logps[rows] = logits.gather(1, labels[rows, None])[:, 0] - normalisers[rows]
        ctx.save_for_backward(hidden, weight, labels, normalisers)
        ctx.dtype = dtype
        return logps

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        hidden, weight, labels, normalisers = ctx.saved_tensors
        grad_logps = grad_outputs[0]
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = (
            torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        )
        held = weight.to(ctx.dtype)
        with torch.autocast(hidden.device.type, enabled=False):
            for rows in _chunks(hidden, weight):
                logits = (hidden[rows].to(ctx.dtype) @ held.t()).float()
                # The label's place gets 1 - p, every other -p; times what the row's logp weighs.
                gradient = logits.sub_(normalisers[rows, None]).exp_().neg_()  # [n, V]
                gradient.scatter_add_(
                    1, labels[rows, None], gradient.new_ones((1, 1)).expand(len(gradient), 1)
                )
                gradient *= grad_logps[rows, None]
                if grad_hidden is not None:
                    grad_hidden[rows] = (gradient.to(ctx.dtype) @ held).to(hidden.dtype)
                if grad_weight is not None:
                    grad_weight += gradient.t() @ hidden[rows].float()
        return grad_hidden, None if grad_weight is None else grad_weight.to(weight.dtype), None


def linear_logps(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Log-probability of each row's label under ``softmax(hidden @ weight.T)``.

    Args:
        hidden: [N, D] states under the head.
        weight: [V, D] of the head; its gradient is made only if it is trained.
        labels: [N] int64, each in [0, V).

    Returns:
        [N] float32, in nats, differentiable.
    """
    return _LinearLogps.apply(hidden, weight, labels)


def _chunks(hidden: Tensor, weight: Tensor) -> Iterator[slice]:
    """The rows whose logits are held at once."""
    held = CHUNK_LOGITS.get(hidden.device.type, 2**23) // weight.shape[0]
    size = max(LEAST_ROWS, held)
    return (slice(start, start + size) for start in range(0, hidden.shape[0], size))


def _product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The type a product of both has here; told apart because autocast is off in backward."""
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return torch.promote_types(hidden.dtype, weight.dtype)
