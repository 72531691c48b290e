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
from tunesmith.model.few_shapes import filled_length
from tunesmith.model.kernels.choice import runs_whole

CHUNK_LOGITS = {"cpu": 2**22, "cuda": 2**25}
"""Logits held at once. On a CPU a chunk needs rows enough that reading the head's weight is not
what takes the time, and 32 MiB are mapped anew and cleared at every use: with a vocabulary of
32,000, 2**20 and 2**23 make a step slower."""
LEAST_ROWS = 64
"""Rows of a chunk at the least, however large the vocabulary, so that products stay efficient."""
ROWS = 16
"""Rows of a chunk's bfloat16 products are a multiple of it on a CPU: each costs V logits."""
TILE_LOGITS = 2**18
"""On a CPU, of which a pass in float32 is made at once: they stay in its cache."""


class _Scores(NamedTuple):
    """What a chunk of n rows gives.

    Attributes:
        slopes: [n, V], each row's gradient of its negative log-likelihood by its logits, in their
            type and their memory; the logits themselves, changed or not, where none is wanted.
        normalisers: [n] float32, the logarithm of the sum of the exponentials.
        picked: [n] float32, each label's logit.
        n_correct: [] int64, rows whose label is on top; 0 where nobody counts.
    """

    slopes: Tensor
    normalisers: Tensor
    picked: Tensor
    n_correct: Tensor


def _scores(logits: Tensor, labels: Tensor, *, counts: bool = True, slopes: bool = True) -> _Scores:
    """One pass over the logits of a chunk [n, V], tile by tile in float32."""
    if runs_whole(logits):
        normalisers, picked, is_on_top = kernels.label_sums(logits, labels)
        if slopes:
            kernels.softmax_gradient_(logits, labels, normalisers)
        return _Scores(logits, normalisers, picked, is_on_top.sum())
    wide = torch.promote_types(logits.dtype, torch.float32)
    normalisers, picked = (logits.new_empty(len(labels), dtype=wide) for _ in range(2))
    n_correct = torch.zeros((), dtype=torch.int64, device=logits.device)
    for rows in _tiles(logits):
        tile, own = logits[rows].to(wide), labels[rows]  # a copy only of a narrower type
        picked[rows] = tile.gather(1, own[:, None])[:, 0]
        most = tile.amax(1)
        if counts:
            n_correct += _count_on_top(tile, own, picked[rows], most)
        # torch's softmax is one fused pass; the largest share tells what it divided by, and is at
        # least 1 / V, so its logarithm is exact.
        torch.ops.aten._softmax.out(tile, 1, False, out=tile)
        torch.sub(most, tile.amax(1).log(), out=normalisers[rows])
        if slopes:
            minus_one = tile.new_full((1, 1), -1.0).expand(len(own), 1)
            tile.scatter_add_(1, own[:, None], minus_one)
            if tile.dtype != logits.dtype:
                logits[rows] = tile
    return _Scores(logits, normalisers, picked, n_correct)


def _tiles(logits: Tensor) -> Iterator[slice]:
    """Rows that are in float32 at once: of float32 logits all of them."""
    n_rows = max(1, len(logits))
    size = n_rows
    if logits.is_cpu and torch.finfo(logits.dtype).bits < 32:
        size = max(1, TILE_LOGITS * torch.get_num_threads() // logits.shape[1])
    return (slice(start, min(start + size, n_rows)) for start in range(0, len(logits), size))


def _entropy(logits: Tensor) -> Tensor:
    """Of all rows together, [] float32, where no gradient tells it; the logits stay as they are."""
    total = logits.new_zeros((), dtype=torch.float32)
    for rows in _tiles(logits):
        wide = logits[rows].to(torch.promote_types(logits.dtype, torch.float32))
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
        wants_slopes = grad_hidden is not None or grad_weight is not None
        # The gradient of the head's weight tells it too: W . G is h . g over all rows together.
        of_weight = grad_hidden is None and grad_weight is not None and row_weights is None
        with torch.autocast(hidden.device.type, enabled=False):
            held = weight.to(dtype)
            for rows in _chunks(hidden, weight):
                states = hidden[rows].to(dtype)
                logits = _logits(states, held)
                if grad_hidden is None and not of_weight:
                    entropy += _entropy(logits[: len(states)])
                found = _scores(logits[: len(states)], labels[rows], slopes=wants_slopes)
                n_correct += found.n_correct
                losses = found.normalisers - found.picked  # [n]
                weights = None if row_weights is None else row_weights[rows]
                total += (losses if weights is None else losses * weights).sum()
                along = _add_grads(logits, states, held, weights, rows, grad_hidden, grad_weight)
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


def _logits(states: Tensor, weight: Tensor) -> Tensor:
    """Logits of [n, D] states, [n, V]; behind them rows of zeros where lengths are filled up."""
    n_more = _filled(len(states), states) - len(states)
    if n_more:
        states = torch.cat([states, states.new_zeros(n_more, states.shape[1])])
    return torch.mm(states, weight.t())


def _filled(n_rows: int, states: Tensor) -> int:
    return filled_length(n_rows, states.is_cpu and states.dtype == torch.bfloat16, ROWS)


def _add_grads(
    slopes: Tensor,
    states: Tensor,
    weight: Tensor,
    row_weights: Tensor | None,
    rows: slice,
    grad_hidden: Tensor | None,
    grad_weight: Tensor | None,
) -> Tensor | None:
    """Adds a chunk's gradients of the summed negative log-likelihood.

    Args:
        slopes: [n, V] of the chunk's scores in the type of the products, and rows of zeros.
        states: [n, D] in that type.
        weight: [V, D] in the same type.
        row_weights: [n] of each row in the sum; None: 1.
        rows: where the chunk lies among all rows.
        grad_hidden: [N, D]; None: not needed.
        grad_weight: [V, D] float32; None: not needed.

    Returns:
        [n, D], each row's own gradient, unweighted; None where it is not needed.
    """
    found = None
    if grad_hidden is not None:
        found = torch.mm(slopes, weight)[: len(states)]
        if row_weights is None:
            grad_hidden[rows] = found
        else:
            torch.mul(found, row_weights[:, None], out=grad_hidden[rows])
    if grad_weight is not None:
        own = slopes[: len(states)]
        weighed = (
            states if row_weights is None else (states * row_weights[:, None]).to(states.dtype)
        )
        if grad_weight.dtype == states.dtype:
            grad_weight.addmm_(own.t(), weighed)
        else:
            grad_weight += torch.mm(own.t(), weighed)
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
                states = hidden[rows].to(ctx.dtype)
                logits = _logits(states, held)[: len(states)]
                found = _scores(logits, labels[rows], counts=False, slopes=False)
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
                logits = _logits(states, held)
                _scores(logits[: len(states)], labels[rows], counts=False)
                _add_grads(logits, states, held, row_weights[rows], rows, grad_hidden, grad_weight)
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
    if n_chunks > 1:
        is_compiled = hidden.is_cpu and _product_dtype(hidden, weight) == torch.bfloat16
        size = filled_length(size, is_compiled, ROWS)
    return (slice(start, start + size) for start in range(0, n_rows, max(1, size)))


def _product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The type a product of both has here; told apart because autocast is off in backward."""
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return torch.promote_types(hidden.dtype, weight.dtype)
