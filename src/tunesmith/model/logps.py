"""Log-probabilities of labels under a linear head: the logits of few rows exist at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.label_scores import add_grads, chunks, label_scores, logits_of, product_dtype


class _LinearLogps(torch.autograd.Function):
    """Logits are made once where the head is frozen, and twice where it is trained.

    The states' gradients are each row's own: they are made while a chunk's logits are at hand, and
    weighed in the pass backward. A trained head's are sums over weighed rows, so that pass makes
    the logits again.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, wants_grad: bool
    ) -> Tensor:
        ctx.dtype = product_dtype(hidden, weight)
        logps = hidden.new_empty(len(labels), dtype=torch.float32)
        of_states, of_weight = (wants_grad and needed for needed in ctx.needs_input_grad[:2])
        slopes = torch.empty_like(hidden) if of_states and not of_weight else None
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(ctx.dtype)
            for rows in chunks(hidden, weight):
                states = hidden[rows].to(ctx.dtype)
                logits = logits_of(states, held)
                found = label_scores(
                    logits[: len(states)], labels[rows], counts=False, slopes=slopes is not None
                )
                logps[rows] = found.picked - found.normalisers
                add_grads(logits, states, held, None, rows, slopes, None)
        if slopes is None:
            ctx.save_for_backward(hidden, weight, labels)
        else:
            ctx.save_for_backward(slopes)
        return logps

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        row_weights = -grad_outputs[0]  # slopes are those of the negative
        if len(ctx.saved_tensors) == 1:
            return ctx.saved_tensors[0] * row_weights[:, None], None, None, None
        hidden, weight, labels = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(ctx.dtype)
            for rows in chunks(hidden, weight):
                states = hidden[rows].to(ctx.dtype)
                logits = logits_of(states, held)
                label_scores(logits[: len(states)], labels[rows], counts=False)
                add_grads(logits, states, held, row_weights[rows], rows, grad_hidden, grad_weight)
        return grad_hidden, grad_weight.to(weight.dtype), None, None


def linear_logps(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Log-probability of each row's label under ``softmax(hidden @ weight.T)``.

    Args:
        hidden: [N, D] states under the head.
        weight: [V, D] of the head; its gradient is made only if it is trained.
        labels: [N] int64, each in [0, V).

    Returns:
        [N] float32, in nats, differentiable.
    """
    return _LinearLogps.apply(hidden, weight, labels, torch.is_grad_enabled())
