"""Ways: trees for a variable-length kernel, each piece with the keys of its way from the root.

A GPU attends to packed rows in one call that is told where the queries and the keys of each row
begin. A piece of a tree is a row with fewer queries than keys: its keys are its ancestors' and its
own, gathered into one stretch, and the kernel's causal mask is aligned to the end of both, which is
where the piece's own tokens are. What is copied are keys and values alone; every product with
weights is made once for each token of the line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.device import moved
from tunesmith.model.segments import Segments

VarlenKernel = Callable[..., Any]
"""Called as ``torch.nn.attention.varlen.varlen_attn`` is."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The keys that each piece of a line sees.

    Attributes:
        places: [K] int64, in the line: of each piece its way from the root on, itself last.
        starts: [S + 1] int32, where each way begins among them, and the end of the last.
        order: [K] int64, ``places`` sorted by token, and by way where they are the same.
        groups: [T + 1] int64, where each token's begin in that order, and the end of the last.
        longest_piece: most tokens of a piece.
        longest: most tokens of a way.
    """

    places: np.ndarray
    starts: np.ndarray
    order: np.ndarray
    groups: np.ndarray
    longest_piece: int
    longest: int


@lru_cache(maxsize=64)
def ways_of(lengths: tuple[int, ...], parents: tuple[int, ...]) -> Ways:
    """The ways of a line's pieces; a pure function.

    Args:
        lengths: tokens of each of S pieces.
        parents: of :class:`Segments`; (): no piece has one.
    """
    ends = np.cumsum(lengths)
    found: list[np.ndarray] = []  # parents come first, so their ways are known
    for piece, length in enumerate(lengths):
        own = np.arange(ends[piece] - length, ends[piece])
        parent = parents[piece] if parents else -1
        found.append(own if parent < 0 else np.concatenate([found[parent], own]))
    sizes = [len(way) for way in found]
    starts = np.cumsum([0, *sizes]).astype(np.int32)
    places = np.concatenate(found)
    order = np.argsort(places, kind="stable")
    groups = np.searchsorted(places[order], np.arange(ends[-1] + 1))
    return Ways(places, starts, order, groups, max(lengths), max(sizes))


@lru_cache(maxsize=4)
def _on_device(
    lengths: tuple[int, ...], parents: tuple[int, ...], device: torch.device
) -> tuple[Tensor, ...]:
    """Places, starts, order and groups on a device; every layer of a pass asks for the same."""
    ways = ways_of(lengths, parents)
    arrays = (ways.places, ways.starts, ways.order, ways.groups)
    return tuple(moved(torch.from_numpy(array.copy()), device) for array in arrays)


def attend_along(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    kernel: VarlenKernel,
    scale: float | None = None,
) -> Tensor:
    """Attention of each piece to its ancestors and, causally, to itself, in one call.

    Args:
        query: [T, H, D] of one line.
        key: [T, Hkv, D]; Hkv divides H.
        value: [T, Hkv, D].
        segments: the line's pieces.
        kernel: attends rows of different numbers of queries and keys.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [T, H, D] in the type of ``query``.
    """
    ways = ways_of(segments.lengths, segments.parents)
    places, starts, *by_token = _on_device(segments.lengths, segments.parents, query.device)
    found = kernel(
        query.contiguous(),
        gathered(key, places, *by_token),
        gathered(value, places, *by_token),
        segments.cu_seqlens,
        starts,
        ways.longest_piece,
        ways.longest,
        scale=scale,
        window_size=(-1, 0),  # causal, aligned to the ends
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(found, Tensor)
    return found


def gathered(
    states: Tensor, places: Tensor, order: Tensor | None = None, groups: Tensor | None = None
) -> Tensor:
    """Rows of ``states`` at ``places``, which may come many times.

    The gradient of a prefix is the sum over all that go on from it; it is added up in float32,
    where 16 bits would lose the last of many small parts. With ``order`` and ``groups`` it is added
    up in that order; a GPU would take whatever comes first, and a run would not be repeated to the
    bit.

    Args:
        states: [T, H, D].
        places: [K] int64.
        order: of :class:`Ways`, [K] int64.
        groups: of :class:`Ways`, [T + 1] int64.

    Returns:
        [K, H, D].
    """
    found = _Gathered.apply(states, places, order, groups)
    assert isinstance(found, Tensor)
    return found


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, states: Tensor, places: Tensor, order: Tensor | None, groups: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(places, order, groups)
        ctx.n_rows = len(states)
        return states.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        places, order, groups = ctx.saved_tensors
        (gradient,) = gradients
        wide = gradient if gradient.dtype == torch.float64 else gradient.float()
        if order is None or groups is None:
            total = wide.new_zeros(ctx.n_rows, *wide.shape[1:]).index_add_(0, places, wide)
        else:
            # Unsafe: the groups are known to be right, and looking at them waits for the device.
            total = torch.segment_reduce(
                wide.index_select(0, order), "sum", offsets=groups, axis=0, unsafe=True
            )
        return total.to(gradient.dtype), None, None, None
