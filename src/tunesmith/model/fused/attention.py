"""Attention: pieces of a line, each causal within itself, in tiles of queries, on a CPU.

A tile's products are made for all heads at once and stay in a core's cache. torch's own kernel goes
from one head to the next, and its backward pass takes 1.3 (float32) to 3 times (bfloat16) as long
(measured with AVX-512). Of the upper half of the scores only the diagonal tiles are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TILES = {torch.bfloat16: 128}
"""Queries of a tile by the type of the products, as measured; of others 64."""
LONGEST = 1024
"""Tokens of a piece up to which its weights are kept for the backward pass."""


class _Tile(NamedTuple):
    """Queries ``start`` to ``end`` of the piece at ``first``, which see those from its begin on."""

    first: int
    length: int
    start: int
    end: int


def _tiles(lengths: tuple[int, ...], size: int) -> Iterator[_Tile]:
    first = 0
    for length in lengths:
        for start in range(0, length, size):
            yield _Tile(first, length, start, min(start + size, length))
        first += length


def piece(x: Tensor, first: int, length: int) -> Tensor:
    """One piece, [H, length, D], of a tensor that holds pieces one behind the other."""
    return x[first : first + length].view(x.shape[1], length, x.shape[2])


def _laid_out(
    x: Tensor, lengths: tuple[int, ...], dtype: torch.dtype, scale: float | None = None
) -> Tensor:
    """[T, H, D] with [H, length, D] in the place of each piece, times ``scale``."""
    found = torch.empty(x.shape, dtype=dtype, device=x.device)
    first = 0
    for length in lengths:
        own, into = x[first : first + length].transpose(0, 1), piece(found, first, length)
        if scale is None:
            into.copy_(own)
        else:
            torch.mul(own, scale, out=into)
        first += length
    return found


def _taken_back(
    x: Tensor, lengths: tuple[int, ...], dtype: torch.dtype, scale: float | None = None
) -> Tensor:
    """The inverse of :func:`_laid_out`."""
    found = torch.empty(x.shape, dtype=dtype, device=x.device)
    first = 0
    for length in lengths:
        into, own = found[first : first + length].transpose(0, 1), piece(x, first, length)
        if scale is None:
            into.copy_(own)
        else:
            torch.mul(own, scale, out=into)
        first += length
    return found


class _CausalPieces(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        lengths: tuple[int, ...],
        scale: float,
        dtype: torch.dtype,
    ) -> Tensor:
        q = _laid_out(query, lengths, dtype, scale)
        k, v = (_laid_out(t, lengths, dtype) for t in (key, value))
        mixed = torch.empty_like(q)
        size = TILES.get(dtype, 64)
        above = torch.full((size, size), -math.inf, dtype=dtype, device=q.device).triu_(1)
        tiles, kept = list(_tiles(lengths, size)), []
        for first, length, start, end in tiles:
            own, keys, values, out = (piece(t, first, length) for t in (q, k, v, mixed))
            weights = torch.bmm(own[:, start:end], keys[:, :end].transpose(1, 2))
            weights[:, :, start:] += above[: end - start, : end - start]
            torch.ops.aten._softmax.out(weights, -1, False, out=weights)
            torch.bmm(weights, values[:, :end], out=out[:, start:end])
            if any(ctx.needs_input_grad):
                kept.append(weights)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.lengths, ctx.tiles, ctx.scale = lengths, tiles, scale
        ctx.types = query.dtype, key.dtype, value.dtype
        return _taken_back(mixed, lengths, dtype)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        q, k, v, *kept = ctx.saved_tensors
        lengths, (of_q, of_k, of_v) = ctx.lengths, ctx.types
        with torch.autocast(q.device.type, enabled=False):
            g = _laid_out(grads[0], lengths, q.dtype)
            grad_q, grad_k, grad_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
            for (first, length, start, end), weights in zip(ctx.tiles, kept, strict=True):
                own, keys, values = (piece(t, first, length) for t in (q, k, v))
                on_q, on_k, on_v = (piece(t, first, length) for t in (grad_q, grad_k, grad_v))
                grad = piece(g, first, length)[:, start:end]
                on_v[:, :end].baddbmm_(weights.transpose(1, 2), grad)
                scores = torch.bmm(grad, values[:, :end].transpose(1, 2))
                torch.ops.aten._softmax_backward_data.out(
                    scores, weights, -1, scores.dtype, grad_input=scores
                )
                torch.bmm(scores, keys[:, :end], out=on_q[:, start:end])
                on_k[:, :end].baddbmm_(scores.transpose(1, 2), own[:, start:end])
            return (
                _taken_back(grad_q, lengths, of_q, ctx.scale),
                _taken_back(grad_k, lengths, of_k),
                _taken_back(grad_v, lengths, of_v),
                None,
                None,
                None,
            )


def takes(query: Tensor, lengths: tuple[int, ...]) -> bool:
    """Whether :func:`causal_pieces` is the way for these."""
    return query.device.type == "cpu" and max(lengths, default=0) <= LONGEST


def causal_pieces(
    query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...], scale: float | None = None
) -> Tensor:
    """Attention of each piece of a line to itself, causally.

    Args:
        query: [T, H, D] of the line.
        key: [T, Hkv, D]; Hkv divides H.
        value: [T, Hkv, D].
        lengths: tokens of each piece, T together.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [T, H, D] in autocast's type where it is on, else in that of ``query``.
    """
    device, n_heads = query.device.type, query.shape[1]
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
    if key.shape[1] != n_heads:
        n_readers = n_heads // key.shape[1]
        key, value = (t.repeat_interleave(n_readers, 1) for t in (key, value))
    if scale is None:
        scale = 1 / math.sqrt(query.shape[2])
    with torch.autocast(device, enabled=False):
        return _CausalPieces.apply(query, key, value, lengths, scale, dtype)
