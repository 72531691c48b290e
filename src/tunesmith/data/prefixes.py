"""Prefixes: rows of tokens as trees, in which what several rows begin with is there once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows as the pieces of one line; what a row says is the way from a root to one piece.

    Attributes:
        lengths: tokens of each of S pieces, at least one.
        parents: for each piece the one it goes on from, which comes before it, or -1. All that goes
            on from a piece follows it without a gap.
        begins: [S] int64, how many tokens stand on the way before each piece.
        sources: [S] int64, for each piece a row that has it.
        places: for each row, [its tokens] int64, where in the line each of its tokens is.
    """

    lengths: tuple[int, ...]
    parents: tuple[int, ...]
    begins: np.ndarray
    sources: np.ndarray
    places: tuple[np.ndarray, ...]

    @property
    def n_tokens(self) -> int:
        """Tokens of the line."""
        return sum(self.lengths)

    @property
    def n_saved(self) -> int:
        """Tokens that the rows have more than the line."""
        return sum(map(len, self.places)) - self.n_tokens


def grow(rows: Sequence[np.ndarray], least_tokens: int = 1) -> Tree:
    """Rows as a trie over their longest common prefixes.

    A piece is shared where that takes ``least_tokens`` out of the line; what rows have in common
    beyond that stays with each of them.

    Args:
        rows: token ids [T] of each row, all of one type, none empty.
        least_tokens: what a shared piece has to save, > 0.
    """
    order = sorted(range(len(rows)), key=lambda row: rows[row].tobytes())
    common = [0, *(_common(rows[a], rows[b]) for a, b in zip(order, order[1:], strict=False))]
    lengths: list[int] = []
    parents: list[int] = []
    begins: list[int] = []
    sources: list[int] = []
    ways: list[list[int]] = [[] for _ in rows]  # from the root on

    def piece(low: int, high: int, begin: int, end: int, parent: int) -> int:
        lengths.append(end - begin)
        parents.append(parent)
        begins.append(begin)
        sources.append(order[low])
        for row in order[low:high]:
            ways[row].append(len(lengths) - 1)
        return len(lengths) - 1

    waiting = [(0, len(rows), 0, -1)]  # rows from low to high in order, with a way of begin tokens
    while waiting:
        low, high, begin, parent = waiting.pop()
        own = len(rows[order[low]])
        if high - low == 1:
            if own > begin:
                piece(low, high, begin, own, parent)
            continue
        seen = common[low + 1 : high]
        end = min(seen)
        if (end - begin) * (high - low - 1) >= least_tokens:
            parent, begin = piece(low, high, begin, end, parent), end
        # Those that share no more than all of them do go apart; what is left has more in common.
        cuts = [low, *(low + 1 + at for at, shared in enumerate(seen) if shared <= end), high]
        # The last comes first off the stack, so that a piece's whole subtree follows it.
        waiting += [
            (a, b, begin, parent) for a, b in zip(cuts[:-1], cuts[1:], strict=True)
        ][::-1]  # fmt: skip
    ends = list(accumulate(lengths))
    stretches = [
        np.arange(end - length, end, dtype=np.int64)
        for end, length in zip(ends, lengths, strict=True)
    ]
    places = tuple(np.concatenate([stretches[piece] for piece in way]) for way in ways)
    return Tree(tuple(lengths), tuple(parents), np.array(begins), np.array(sources), places)


def _common(one: np.ndarray, other: np.ndarray) -> int:
    """How many tokens two rows begin with alike."""
    shorter = min(len(one), len(other))
    differs = one[:shorter] != other[:shorter]
    first = int(differs.argmax()) if shorter else 0
    return first if shorter and differs[first] else shorter


def sharing_order(rows: Sequence[np.ndarray]) -> list[int]:
    """The numbers of rows in an order in which those with the longest common prefixes are near.

    However the order is cut into micro-batches, rows that share a prefix share them.

    Args:
        rows: token ids [T] of each row, all of one type.
    """
    return sorted(range(len(rows)), key=lambda row: rows[row].tobytes())


def shared_with_next(rows: Sequence[np.ndarray]) -> np.ndarray:
    """How many tokens each row but the last begins with alike as the one after it, [R - 1] int64.

    Args:
        rows: token ids [T] of each row, all of one type, none empty.
    """
    found = [_common(one, other) for one, other in zip(rows, rows[1:], strict=False)]
    return np.array(found, np.int64)
