"""Segments: the pieces of a packed line, and who sees whom; rows are trees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


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

    def path(self, piece: int) -> list[int]:
        """The ancestors of a piece from its root on, and itself."""
        found = [piece]
        while self.parents and self.parents[found[-1]] >= 0:
            found.append(self.parents[found[-1]])
        return found[::-1]


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
        [T, H, D] in the type of ``query``.
    """
    options = {"scale": scale, "enable_gqa": query.shape[1] != key.shape[1]}
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
        found.append(
            scaled_dot_product_attention(
                own[None], seen[None], given[None], mask, is_causal=mask is None, **options
            )[0]
        )
    return torch.cat(found, 1).transpose(0, 1)
