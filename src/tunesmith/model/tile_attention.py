"""Tile attention: pieces of a line in tiles of queries, on a CPU.

torch's kernel takes as long in bfloat16 as in float32, and its backward pass four times that; in
float32 forward and backward take 1.35 times as long as here. A tile's products are made for all
heads at once and their result stays in a core's cache; the weights are kept for the backward pass.
A piece with ancestors has the keys of its way copied behind one another, which costs less than
reading them in parts.

In bfloat16 pieces and ways are filled up with zeros to few lengths, because every new shape of a
product is compiled (:mod:`tunesmith.model.few_shapes`): no query sees the filling, which is masked
as what comes after it is, and no gradient comes from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tunesmith.model.few_shapes import filled_length

TILES = {torch.bfloat16: 128, torch.float32: 64}
"""Queries of a tile by the type of the products; as measured, 64 take 1.2 times as long in
bfloat16, and 128 1.06 times in float32."""

Ways = Sequence[Sequence[int]]
"""For each piece its ancestors from the root on, and itself."""


def tile_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: Sequence[int],
    ways: Ways,
    scale: float | None = None,
    dtype: torch.dtype = torch.bfloat16,
) -> Tensor:
    """Attention of each piece of a line to its ancestors and, causally, to itself.

    Args:
        query: [T, H, D] of one line, on the host.
        key: [T, Hkv, D]; Hkv divides H.
        value: [T, Hkv, D].
        lengths: tokens of each piece, T together.
        ways: of the pieces.
        scale: of the scores; None: 1 / sqrt(D).
        dtype: of the products.

    Returns:
        [T, H, D] in ``dtype``.
    """
    n_readers = query.shape[1] // key.shape[1]
    if n_readers > 1:
        key, value = (t.repeat_interleave(n_readers, 1) for t in (key, value))
    scale = 1 / math.sqrt(query.shape[2]) if scale is None else scale
    found = _TileAttention.apply(query, key, value, tuple(lengths), ways, scale, dtype)
    assert isinstance(found, Tensor)
    return found


class _TileAttention(torch.autograd.Function):
    """Within it tensors hold [H, filled length, D] in the place of each piece's [length, H, D]."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        lengths: tuple[int, ...],
        ways: Ways,
        scale: float,
        dtype: torch.dtype,
    ) -> Tensor:
        q = _by_head(query, lengths, dtype, scale)
        k, v = (_by_head(t, lengths, dtype) for t in (key, value))
        mixed, size = torch.empty_like(q), TILES.get(dtype, 64)
        above = q.new_full((size, 2 * size), -math.inf).triu_(1)
        keeps, kept = any(ctx.needs_input_grad), list[Tensor]()
        all_keys, all_values = _pieces(k, lengths), _pieces(v, lengths)
        for way, own, out in zip(ways, _pieces(q, lengths), _pieces(mixed, lengths), strict=True):
            keys, values = (_along(parts, way, lengths) for parts in (all_keys, all_values))
            before = sum(lengths[piece] for piece in way[:-1])
            for first, end in _tiles(own):
                seen = _filled(before + end, dtype)
                weights = torch.bmm(own[:, first:end], keys[:, :seen].transpose(1, 2))
                weights[:, :, before + first :] += above[: end - first, : seen - before - first]
                torch.ops.aten._softmax.out(weights, -1, False, out=weights)
                torch.bmm(weights, values[:, :seen], out=out[:, first:end])
                if keeps:
                    kept.append(weights)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.lengths, ctx.ways, ctx.scale = lengths, ways, scale
        ctx.types = query.dtype, key.dtype, value.dtype
        return _by_token(mixed, lengths, mixed.dtype)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: the decorator's signature
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        q, k, v, *kept = ctx.saved_tensors
        lengths: tuple[int, ...] = ctx.lengths
        grad = _by_head(gradients[0], lengths, q.dtype)
        of_q, of_k, of_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        whole = zip(ctx.ways, *(_pieces(t, lengths) for t in (q, grad, of_q)), strict=True)
        weights_left = iter(kept)
        all_keys, all_values = _pieces(k, lengths), _pieces(v, lengths)
        all_of_k, all_of_v = _pieces(of_k, lengths), _pieces(of_v, lengths)
        for way, own, own_grad, own_of_q in whole:
            keys, values = (_along(parts, way, lengths) for parts in (all_keys, all_values))
            is_root = len(way) == 1
            on_keys, on_values = (
                parts[way[0]] if is_root else torch.zeros_like(keys)
                for parts in (all_of_k, all_of_v)
            )
            for first, end in _tiles(own):
                weights = next(weights_left)
                seen = weights.shape[2]
                given = own_grad[:, first:end]
                on_values[:, :seen].baddbmm_(weights.transpose(1, 2), given)
                scores = torch.bmm(given, values[:, :seen].transpose(1, 2))
                torch.ops.aten._softmax_backward_data.out(
                    scores, weights, -1, scores.dtype, grad_input=scores
                )
                torch.bmm(scores, keys[:, :seen], out=own_of_q[:, first:end])
                on_keys[:, :seen].baddbmm_(scores.transpose(1, 2), own[:, first:end])
            if not is_root:
                _add_along(all_of_k, on_keys, way, lengths)
                _add_along(all_of_v, on_values, way, lengths)
        types = ctx.types
        return (
            _by_token(of_q, lengths, types[0], ctx.scale),
            _by_token(of_k, lengths, types[1]),
            _by_token(of_v, lengths, types[2]),
            None,
            None,
            None,
            None,
        )


def _tiles(x: Tensor) -> list[tuple[int, int]]:
    """Where tiles of a piece [H, length, D] begin and end."""
    length, size = x.shape[1], TILES.get(x.dtype, 64)
    return [(first, min(first + size, length)) for first in range(0, length, size)]


def _filled(length: int, dtype: torch.dtype) -> int:
    return filled_length(length, dtype == torch.bfloat16)


def _pieces(x: Tensor, lengths: tuple[int, ...]) -> list[Tensor]:
    """Each piece as [H, filled length, D], a view."""
    filled = [_filled(length, x.dtype) for length in lengths]
    return [p.view(x.shape[1], -1, x.shape[2]) for p in x.split(filled)]


def _along(pieces: list[Tensor], way: Sequence[int], lengths: tuple[int, ...]) -> Tensor:
    """The pieces of a way behind one another, [H, their tokens, filled, D]; a single one itself."""
    if len(way) == 1:
        return pieces[way[0]]
    parts = [pieces[piece][:, : lengths[piece]] for piece in way[:-1]]
    own = pieces[way[-1]]
    n_tokens = sum(part.shape[1] for part in parts) + own.shape[1]
    n_more = _filled(n_tokens, own.dtype) - n_tokens
    more = [own.new_zeros(own.shape[0], n_more, own.shape[2])] if n_more else []
    return torch.cat([*parts, own, *more], 1)


def _add_along(
    pieces: list[Tensor], added: Tensor, way: Sequence[int], lengths: tuple[int, ...]
) -> None:
    """The inverse of :func:`_along`: adds each piece's part to it."""
    start = 0
    for piece in way:
        length = lengths[piece]
        pieces[piece][:, :length].add_(added[:, start : start + length])
        start += length


def _by_head(x: Tensor, lengths: tuple[int, ...], dtype: torch.dtype, scale: float = 1.0) -> Tensor:
    """[H, filled length, D] for each piece of [T, H, D], in ``dtype``, times ``scale``."""
    n_filled = sum(_filled(length, dtype) for length in lengths)
    found = x.new_empty((n_filled, *x.shape[1:]), dtype=dtype)
    for into, own in zip(_pieces(found, lengths), x.split(lengths), strict=True):
        torch.mul(own.transpose(0, 1), scale, out=into[:, : len(own)])
        into[:, len(own) :].zero_()
    return found


def _by_token(
    x: Tensor, lengths: tuple[int, ...], dtype: torch.dtype, scale: float = 1.0
) -> Tensor:
    """The inverse of :func:`_by_head`."""
    found = x.new_empty((sum(lengths), *x.shape[1:]), dtype=dtype)
    for into, own in zip(found.split(lengths), _pieces(x, lengths), strict=True):
        torch.mul(own[:, : len(into)].transpose(0, 1), scale, out=into)
    return found
