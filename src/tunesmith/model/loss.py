"""Cross-entropy of a linear head: the logits of few rows exist at a time.

The entropy is a by-product: with p the softmax of the logits l = W h and g a row's gradient by h,
``h . g = sum(p * l) - l[label]``, so that ``log Z - sum(p * l) = loss - h . g``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.label_scores import (
    add_grads,
    chunks,
    label_scores,
    logits_of,
    product_dtype,
    tiles,
)


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
    ) -> tuple[Tensor, Tensor, Tensor]:
        dtype = product_dtype(hidden, weight)
        total = hidden.new_zeros((), dtype=torch.float32)
        entropy = torch.zeros_like(total)
        n_correct = torch.zeros((), dtype=torch.int64, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wants_grad and ctx.needs_input_grad[0] else None
        grad_weight = (
            torch.zeros_like(weight, dtype=torch.float32)
            if wants_grad and ctx.needs_input_grad[1]
            else None
        )
        wants_slopes = grad_hidden is not None or grad_weight is not None
        # The gradient of the head's weight tells it too: W . G is h . g over all rows together.
        of_weight = grad_hidden is None and grad_weight is not None and row_weights is None
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(dtype)
            for rows in chunks(hidden, weight):
                states = hidden[rows].to(dtype)
                logits = logits_of(states, held)
                if grad_hidden is None and not of_weight:
                    entropy += _entropy(logits[: len(states)])
                found = label_scores(logits[: len(states)], labels[rows], slopes=wants_slopes)
                n_correct += found.n_correct
                losses = found.normalisers - found.picked  # [n]
                weights = None if row_weights is None else row_weights[rows]
                total += (losses if weights is None else losses * weights).sum()
                along = add_grads(logits, states, held, weights, rows, grad_hidden, grad_weight)
                if along is not None:
                    entropy += losses.sum() - (states * along.to(total.dtype)).sum()
            if of_weight and grad_weight is not None:
                entropy = total - torch.dot(held.to(total.dtype).flatten(), grad_weight.flatten())
        entropy.clamp_(min=0)  # which rounding may miss where the model is sure of everything
        ctx.save_for_backward(
            grad_hidden, None if grad_weight is None else grad_weight.to(weight.dtype)
        )
        ctx.mark_non_differentiable(n_correct, entropy)
        return total, n_correct, entropy

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        grad_total = grad_outputs[0]
        grad_hidden, grad_weight = ctx.saved_tensors
        return (
            None if grad_hidden is None else grad_hidden * grad_total,
            # In place: of a large vocabulary it is as large as everything else together.
            None if grad_weight is None else grad_weight.mul_(grad_total),
            None,
            None,
            None,
        )


def _entropy(logits: Tensor) -> Tensor:
    """Of all rows together, [] float32, where no gradient tells it; the logits stay as they are."""
    total = logits.new_zeros((), dtype=torch.float32)
    for rows in tiles(logits):
        wide = logits[rows].to(torch.promote_types(logits.dtype, torch.float32))
        shares = wide.softmax(1)
        total += (wide.amax(1) - shares.amax(1).log()).sum()
        total -= torch.dot(shares.flatten(), wide.flatten())
    return total


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, row_weights: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy of ``hidden @ weight.T`` against labels, summed over rows.

    Args:
        hidden: [N, D] states under the head.
        weight: [V, D] of the head; its gradient is made only if it is trained.
        labels: [N] int64, each in [0, V).
        row_weights: [N] float32, of each row in the sum; None: all weigh 1.

    Returns:
        The sum in nats, [] float32; how many rows have their label on top, [] int64; the entropies
        of what is predicted at each row, summed in nats without weights, [] float32.
    """
    return _LinearCrossEntropy.apply(hidden, weight, labels, row_weights, torch.is_grad_enabled())
