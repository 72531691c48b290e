"""Label scores: what a linear head makes of labels, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

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


class LabelScores(NamedTuple):
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


def label_scores(
    logits: Tensor, labels: Tensor, *, counts: bool = True, slopes: bool = True
) -> LabelScores:
    """One pass over the logits of a chunk [n, V], tile by tile in float32."""
    if runs_whole(logits):
        normalisers, picked, is_on_top = kernels.label_sums(logits, labels)
        if slopes:
            kernels.softmax_gradient_(logits, labels, normalisers)
        return LabelScores(logits, normalisers, picked, is_on_top.sum())
    wide = torch.promote_types(logits.dtype, torch.float32)
    normalisers, picked = (logits.new_empty(len(labels), dtype=wide) for _ in range(2))
    n_correct = torch.zeros((), dtype=torch.int64, device=logits.device)
    for rows in tiles(logits):
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
    return LabelScores(logits, normalisers, picked, n_correct)


def tiles(logits: Tensor) -> Iterator[slice]:
    """Rows that are in float32 at once: of float32 logits all of them."""
    n_rows = max(1, len(logits))
    size = n_rows
    if logits.is_cpu and torch.finfo(logits.dtype).bits < 32:
        size = max(1, TILE_LOGITS * torch.get_num_threads() // logits.shape[1])
    return (slice(start, min(start + size, n_rows)) for start in range(0, len(logits), size))


def _count_on_top(logits: Tensor, labels: Tensor, picked: Tensor, most: Tensor) -> Tensor:
    """Rows whose label has the largest logit; of equal ones the first counts, as in argmax."""
    if logits.device.type != "cpu":
        return (logits.argmax(1) == labels).sum()
    # argmax takes as long as the whole softmax on a CPU: it is asked for the rows in question.
    maybe = (picked >= most).nonzero()[:, 0]
    return (logits[maybe].argmax(1) == labels[maybe]).sum()


def logits_of(states: Tensor, weight: Tensor) -> Tensor:
    """Logits of [n, D] states, [n, V]; behind them rows of zeros where lengths are filled up."""
    n_more = _filled(len(states), states) - len(states)
    if n_more:
        states = torch.cat([states, states.new_zeros(n_more, states.shape[1])])
    return torch.mm(states, weight.t())


def _filled(n_rows: int, states: Tensor) -> int:
    return filled_length(n_rows, states.is_cpu and states.dtype == torch.bfloat16, ROWS)


def add_grads(
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


def chunks(hidden: Tensor, weight: Tensor) -> Iterator[slice]:
    """The rows whose logits are held at once."""
    held = CHUNK_LOGITS.get(hidden.device.type, 2**23) // weight.shape[0]
    n_rows = hidden.shape[0]
    n_chunks = -(-n_rows // max(LEAST_ROWS, held))
    size = -(-n_rows // max(1, n_chunks))  # all about as long
    if n_chunks > 1:
        is_compiled = hidden.is_cpu and product_dtype(hidden, weight) == torch.bfloat16
        size = filled_length(size, is_compiled, ROWS)
    return (slice(start, start + size) for start in range(0, n_rows, max(1, size)))


def product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The type a product of both has here; told apart because autocast is off in backward."""
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return torch.promote_types(hidden.dtype, weight.dtype)
