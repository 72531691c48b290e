"""Segments: the pieces of a packed line, and who sees whom; rows are trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from tunesmith.model.tile_attention import tile_attention
from tunesmith.model.tree_attention import Look, tree_attention

LONGEST_KEPT = 1024
"""Tokens of a way up to which bfloat16 keeps its weights; their memory grows with the square."""


@dataclass(frozen=True, slots=True)
class Segments:
    """The pieces of a packed line: each sees itself causally, and all of its ancestors.

    A piece without a parent is a row of its own. One that several pieces have as their parent is a
    prefix they share: it is there once, and counts for each of them.

    Attributes:
        lengths: tokens of each of S pieces, on the host.
        cu_seqlens: [S + 1] int32, where each begins, and the end of the last.
        parents: for each piece the number of the one it goes on from, which comes before it, or
            -1; (): no piece has one.
    """

    lengths: tuple[int, ...]
    cu_seqlens: Tensor
    parents: tuple[int, ...] = ()

    @property
    def has_shared(self) -> bool:
        """Whether any piece goes on from another."""
        return any(parent >= 0 for parent in self.parents)

    @property
    def longest(self) -> int:
        """Tokens of the longest way from a root to the end of a piece."""
        ends: list[int] = []
        for length, parent in zip(self.lengths, self.parents or self._roots(), strict=True):
            ends.append(length + (ends[parent] if parent >= 0 else 0))
        return max(ends)

    def path(self, piece: int) -> list[int]:
        """The ancestors of a piece from its root on, and itself."""
        found = [piece]
        while self.parents and self.parents[found[-1]] >= 0:
            found.append(self.parents[found[-1]])
        return found[::-1]

    def _roots(self) -> tuple[int, ...]:
        return (-1,) * len(self.lengths)


@lru_cache(maxsize=256)
def looks(lengths: tuple[int, ...], parents: tuple[int, ...]) -> tuple[Look, ...]:
    """Who sees whom, as few rectangles of queries and keys.

    Args:
        lengths: of the pieces of a line.
        parents: of :class:`Segments`.

    Returns:
        For each piece its sight of itself, which is causal, then for each one that others go on
        from the sight that all of these have of the whole of it.
    """
    starts = _starts(lengths)
    stretches = list(zip(starts[:-1], starts[1:], range(len(lengths)), strict=True))
    alone = tuple((a, b, a, b) for a, b, _ in stretches)
    return alone + _behind(stretches, starts, parents)


def looks_from(rows: Tensor, segments: Segments) -> tuple[tuple[Look, ...], int]:
    """The same of some places alone, as queries that stand without gaps.

    Args:
        rows: [N] int64, places of the line in ascending order, on the host.
        segments: the line's pieces.

    Returns:
        The looks, and how many of them are causal: one for each stretch of neighbours.
    """
    starts = _starts(segments.lengths)
    places = rows.numpy()
    pieces = np.searchsorted(starts, places, side="right") - 1
    breaks = np.flatnonzero((np.diff(places) != 1) | (np.diff(pieces) != 0)) + 1
    ends = [*breaks.tolist(), len(places)]
    stretches = [
        (first, end, int(pieces[first])) for first, end in zip([0, *ends], ends, strict=False)
    ]
    lows = [int(places[first]) for first, _, _ in stretches]
    own = [
        (first, end, low, low + end - first)
        for (first, end, _), low in zip(stretches, lows, strict=True)
    ]
    before = [
        (first, end, starts[piece], low)
        for (first, end, piece), low in zip(stretches, lows, strict=True)
        if low > starts[piece]
    ]
    return (*own, *before, *_behind(stretches, starts, segments.parents)), len(own)


def _starts(lengths: tuple[int, ...]) -> list[int]:
    return [0, *accumulate(lengths)]


def _behind(
    stretches: list[tuple[int, int, int]], starts: list[int], parents: tuple[int, ...]
) -> tuple[Look, ...]:
    """What queries, given as (first, behind the last, piece) in order, see of their ancestors."""
    seeing: dict[int, list[list[int]]] = {}  # of each ancestor the queries that see it
    for first, end, piece in stretches if parents else ():
        ancestor = parents[piece]
        while ancestor >= 0:
            known = seeing.setdefault(ancestor, [])
            if known and known[-1][1] == first:
                known[-1][1] = end
            else:
                known.append([first, end])
            ancestor = parents[ancestor]
    return tuple(
        (first, end, starts[ancestor], starts[ancestor + 1])
        for ancestor, known in sorted(seeing.items())
        for first, end in known
    )


def attend_within(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, scale: float | None = None
) -> Tensor:
    """Attention of each piece to its ancestors and, causally, to itself.

    Args:
        query: [T, H, D] of one line.
        key: [T, Hkv, D]; Hkv divides H.
        value: [T, Hkv, D].
        segments: the line's pieces.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [T, H, D] in the type of ``query``, or of the products where a product reads it next. On a
        CPU these are in bfloat16 where that is the type of the arithmetic and no way is long, else
        in float32 at the least.
    """
    if query.device.type == "cpu":
        lowered = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if lowered else query.dtype
        with torch.autocast("cpu", enabled=False):
            # In float32, torch's kernel over the parts of a shared prefix takes 0.8 of the time of
            # tiles with one thread; with two it is no faster than with one, and tiles are.
            is_for_tiles = (
                dtype == torch.bfloat16 or not segments.has_shared or torch.get_num_threads() > 1
            )
            if is_for_tiles and dtype != torch.float16 and segments.longest <= LONGEST_KEPT:
                ways = [segments.path(piece) for piece in range(len(segments.lengths))]
                return tile_attention(query, key, value, segments.lengths, ways, scale, dtype)
            seen = looks(segments.lengths, segments.parents)
            return tree_attention(query, key, value, seen, len(segments.lengths), scale)
    return attend_piecewise(query, key, value, segments, scale)


def attend_piecewise(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, scale: float | None = None
) -> Tensor:
    """The same on any device: one call for each piece, with the keys of its way and a mask.

    Where there is a mask, keys are repeated for the queries that share them: torch has no kernel
    but its slowest for both at once.
    """
    n_sharing = query.shape[1] // key.shape[1]
    q, k, v = (t.transpose(0, 1) for t in (query, key, value))  # [H, T, D]
    queries, keys, values = (t.split(segments.lengths, dim=1) for t in (q, k, v))
    found = []
    for piece, own in enumerate(queries):
        path = segments.path(piece)
        seen, given = (torch.cat([t[p] for p in path], 1) for t in (keys, values))
        mask = None
        if len(path) > 1:
            n_before = seen.shape[1] - own.shape[1]
            mask = torch.ones(own.shape[1], seen.shape[1], dtype=torch.bool, device=q.device)
            mask = mask.tril(n_before)
            seen, given = (t.repeat_interleave(n_sharing, 0) for t in (seen, given))
        options = {"scale": scale, "enable_gqa": len(seen) != len(own)}
        found.append(
            scaled_dot_product_attention(
                own[None], seen[None], given[None], mask, is_causal=mask is None, **options
            )[0]
        )
    return torch.cat(found, 1).transpose(0, 1)


def attend_from(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rows: Tensor,
    segments: Segments,
    scale: float | None = None,
) -> Tensor:
    """What :func:`attend_within` gives at some places of a line, on a CPU.

    Args:
        query: [N, H, D], of these places alone.
        key: [T, Hkv, D] of the whole line; Hkv divides H.
        value: [T, Hkv, D].
        rows: [N] int64, the places in ascending order, none twice.
        segments: the line's pieces.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [N, H, D] in the type of ``query``.
    """
    seen, n_causal = looks_from(rows, segments)
    with torch.autocast("cpu", enabled=False):
        return tree_attention(query, key, value, seen, n_causal, scale)
