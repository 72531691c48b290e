"""Cross-entropy and log-probabilities of a linear head: the logits of few rows exist at a time.

The entropy is a by-product: with p the softmax of the logits l = W h and g a row's gradient by h,
``h . g = sum(p * l) - l[label]``, so that ``log Z - sum(p * l) = loss - h . g``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model import kernels
from tunesmith.model.kernels.choice import runs_whole

CHUNK_LOGITS = {"cpu": 2**23, "cuda": 2**25}
"""Logits held at once. On a CPU a chunk needs rows enough that reading the head's weight is not
what takes the time: with a vocabulary of 32,000 the loss takes 0.75 times as long as at 2**20."""
LEAST_ROWS = 64
"""Rows of a chunk at the least, however large the vocabulary, so that products stay efficient."""
TILE_LOGITS = 2**17  # on a CPU, of which the entropy is taken at once: they stay in its cache


class _Scores(NamedTuple):
    """What a chunk of n rows gives.

    Attributes:
        shares: [n, V], the softmax, over the logits' own memory; on a GPU the logits, of which one
            kernel makes the gradient.
        normalisers: [n] float32, the logarithm of the sum of the exponentials.
        picked: [n] float32, each label's logit.
        n_correct: [] int64, rows whose label is on top.
    """

    shares: Tensor
    normalisers: Tensor
    picked: Tensor
    n_correct: Tensor


def _scores(logits: Tensor, labels: Tensor, counts: bool = True) -> _Scores:
    """One pass over the logits of a chunk [n, V]; they are held once in float32."""
    if runs_whole(logits):
        normalisers, picked, is_on_top = kernels.label_sums(logits, labels)
        return _Scores(logits, normalisers, picked, is_on_top.sum())
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    picked = logits.gather(1, labels[:, None])[:, 0]
    most = logits.amax(1)
    n_correct = torch.zeros((), dtype=torch.int64, device=logits.device)
    if counts:
        n_correct = _count_on_top(logits, labels, picked, most)
    # torch's softmax is one fused pass; the largest share tells what it divided by, and is at
    # least 1 / V, so its logarithm is exact.
    torch.ops.aten._softmax.out(logits, 1, False, out=logits)
    return _Scores(logits, most - logits.amax(1).log(), picked, n_correct)


def _entropy(logits: Tensor) -> Tensor:
    """Of all rows together, [] float32, where no gradient tells it; the logits stay as they are."""
    total = logits.new_zeros((), dtype=torch.float32)
    n_rows = max(1, TILE_LOGITS // logits.shape[1]) if logits.is_cpu else max(1, len(logits))
    for tile in logits.split(n_rows):
        wide = tile.to(torch.promote_types(tile.dtype, torch.float32))
        shares = wide.softmax(1)
        total += (wide.amax(1) - shares.amax(1).log()).sum()
        total -= torch.dot(shares.flatten(), wide.flatten())
    return total


def _count_on_top(logits: Tensor, labels: Tensor, picked: Tensor, most: Tensor) -> Tensor:
    """Rows whose label has the largest logit; of equal ones the first counts, as in argmax."""
    if logits.device.type != "cpu":
        return (logits.argmax(1) == labels).sum()
    # argmax takes as long as the whole softmax on a CPU: it is asked for the rows in question.
    maybe = (picked >= most).nonzero()[:, 0]
    return (logits[maybe].argmax(1) == labels[maybe]).sum()


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
        dtype = _product_dtype(hidden, weight)
        total = hidden.new_zeros((), dtype=torch.float32)
        entropy = torch.zeros_like(total)
        n_correct = torch.zeros((), dtype=torch.int64, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wants_grad and ctx.needs_input_grad[0] else None
        grad_weight = (
            torch.zeros_like(weight, dtype=torch.float32)
            if wants_grad and ctx.needs_input_grad[1]
            else None
        )
        # The gradient of the head's weight tells it too: W . G is h . g over all rows together.
        of_weight = grad_hidden is None and grad_weight is not None and row_weights is None
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(dtype)
            for rows in _chunks(hidden, weight):
                states = hidden[rows].to(dtype)
                logits = torch.mm(states, held.t())  # [n, V]
                if grad_hidden is None and not of_weight:
                    entropy += _entropy(logits)
                found = _scores(logits, labels[rows])
                n_correct += found.n_correct
                losses = found.normalisers - found.picked  # [n]
                weights = None if row_weights is None else row_weights[rows]
                total += (losses if weights is None else losses * weights).sum()
                along = _add_grads(
                    found.shares,
                    found.normalisers,
                    states,
                    held,
                    labels[rows],
                    weights,
                    rows,
                    grad_hidden,
                    grad_weight,
                )
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


def _add_grads(
    shares: Tensor,
    normalisers: Tensor,
    states: Tensor,
    weight: Tensor,
    labels: Tensor,
    row_weights: Tensor | None,
    rows: slice,
    grad_hidden: Tensor | None,
    grad_weight: Tensor | None,
) -> Tensor | None:
    """Adds a chunk's gradients of the summed negative log-likelihood; changes ``shares``.

    Args:
        shares: [n, V] of the chunk's scores.
        normalisers: [n] of them.
        states: [n, D] in the type of the products.
        weight: [V, D] in the same type.
        labels: [n].
        row_weights: [n] of each row in the sum; None: 1.
        rows: where the chunk lies among all rows.
        grad_hidden: [N, D]; None: not needed.
        grad_weight: [V, D] float32; None: not needed.

    Returns:
        [n, D], each row's own gradient, unweighted; None where it is not needed.
    """
    if grad_hidden is None and grad_weight is None:
        return None
    if runs_whole(shares):
        kernels.softmax_gradient_(shares, labels, normalisers)
    else:
        minus_one = shares.new_full((1, 1), -1.0).expand(len(labels), 1)
        shares.scatter_add_(1, labels[:, None], minus_one)  # of the logits, now
    lowered, found = shares.to(states.dtype), None
    if grad_hidden is not None:
        found = torch.mm(lowered, weight)
        if row_weights is None:
            grad_hidden[rows] = found
        else:
            torch.mul(found, row_weights[:, None], out=grad_hidden[rows])
    if grad_weight is not None:
        weighed = (
            states if row_weights is None else (states * row_weights[:, None]).to(states.dtype)
        )
        if grad_weight.dtype == states.dtype:
            grad_weight.addmm_(lowered.t(), weighed)
        else:
            grad_weight += torch.mm(lowered.t(), weighed)
    return found


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


class _LinearLogps(torch.autograd.Function):
    """Keeps no logits: the backward pass makes those of each chunk again."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        ctx.dtype = _product_dtype(hidden, weight)
        logps = hidden.new_empty(len(labels), dtype=torch.float32)
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(ctx.dtype)
            for rows in _chunks(hidden, weight):
                logits = torch.mm(hidden[rows].to(ctx.dtype), held.t())
                found = _scores(logits, labels[rows], counts=False)
                logps[rows] = found.picked - found.normalisers
        ctx.save_for_backward(hidden, weight, labels)
        return logps

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, ...]:
        hidden, weight, labels = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = (
            torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        )
        with torch.autocast(hidden.device.type, enabled=False):
            held, row_weights = weight.to(ctx.dtype), -grad_outputs[0]
            for rows in _chunks(hidden, weight):
                states = hidden[rows].to(ctx.dtype)
                found = _scores(torch.mm(states, held.t()), labels[rows], counts=False)
                _add_grads(
                    found.shares,
                    found.normalisers,
                    states,
                    held,
                    labels[rows],
                    row_weights[rows],
                    rows,
                    grad_hidden,
                    grad_weight,
                )
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
    n_rows = hidden.shape[0]
    n_chunks = -(-n_rows // max(LEAST_ROWS, held))
    size = -(-n_rows // max(1, n_chunks))  # all about as long
    return (slice(start, start + size) for start in range(0, n_rows, max(1, size)))


def _product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The type a product of both has here; told apart because autocast is off in backward."""
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return torch.promote_types(hidden.dtype, weight.dtype)
