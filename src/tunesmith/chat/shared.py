"""Shared: what prompts begin with in common, and the order that keeps those together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tunesmith.data.prefixes import grow

SHORTEST = 16
"""Tokens of a prefix below which it is computed with each row: it costs calls in every step."""
LEAST_SAVED = 64
"""Tokens that a prefix has to save."""
LEAST_APART = 128
"""Tokens of a prefix from which its keys are read in place by all its rows in every step; those of
a shorter one are copied to each row, which is cheaper than to put two parts together."""
LEAST_READERS = 4
"""Rows of a prefix from which that pays."""


@dataclass(eq=False, slots=True)
class Prefix:
    """Tokens that several prompts begin with.

    Attributes:
        begin: tokens on the way before it.
        ids: its tokens.
        before: the prefixes that it goes on from, from the first on.
        n_rows: prompts that begin with it.
    """

    begin: int
    ids: list[int]
    before: tuple[Prefix, ...]
    n_rows: int = 0

    @property
    def is_copied(self) -> bool:
        """Whether each row has a copy of its keys and values, rather than all read the same."""
        return len(self.ids) < LEAST_APART or self.n_rows < LEAST_READERS


@dataclass(slots=True)
class Ways:
    """The prompts of one generation and what they share.

    Attributes:
        of: for each prompt the prefixes that it begins with, from the first on.
        order: numbers of prompts: the longest first, those that share a prefix side by side.
    """

    of: list[tuple[Prefix, ...]]
    order: list[int] = field(default_factory=list)


def find_ways(
    prompts: Sequence[Sequence[int]], rows: Sequence[int], *, shares: bool = True
) -> Ways:
    """What prompts share, but for each one's last token: behind that, each goes on by itself.

    Args:
        prompts: token ids of each, none empty.
        rows: numbers of those that are to be answered.
        shares: whether they share anything.
    """
    of: list[tuple[Prefix, ...]] = [() for _ in prompts]
    whole = [row for row in rows if len(prompts[row]) > 1]
    if shares and len(whole) > 1:
        known = [np.asarray(prompts[row][:-1], np.int64) for row in whole]
        for row, way in zip(whole, _ways(known), strict=True):
            of[row] = way
    return Ways(of, _order(prompts, of, rows))


def _ways(rows: list[np.ndarray]) -> list[tuple[Prefix, ...]]:
    tree = grow(rows, LEAST_SAVED)
    ends = np.cumsum(tree.lengths)
    n_rows = np.zeros(len(ends), np.int64)
    pieces = [np.unique(np.searchsorted(ends, places, side="right")) for places in tree.places]
    for own in pieces:
        n_rows[own] += 1
    # A shared piece that is short belongs to each of those that go on from it.
    ways: list[tuple[Prefix, ...]] = []
    for piece, parent in enumerate(tree.parents):
        way = ways[parent] if parent >= 0 else ()
        begin = sum(len(one.ids) for one in way)
        end = int(tree.begins[piece]) + tree.lengths[piece]
        saved = (end - begin) * (int(n_rows[piece]) - 1)
        if n_rows[piece] > 1 and end - begin >= SHORTEST and saved >= LEAST_SAVED:
            ids = rows[int(tree.sources[piece])][begin:end].tolist()
            way = (*way, Prefix(begin, ids, way, int(n_rows[piece])))
        ways.append(way)
    return [ways[int(own[-1])] for own in pieces]


def _order(
    prompts: Sequence[Sequence[int]], of: list[tuple[Prefix, ...]], rows: Sequence[int]
) -> list[int]:
    longest: dict[Prefix, int] = {}
    number: dict[Prefix, int] = {}
    for prompt, way in zip(prompts, of, strict=True):
        for one in way:
            longest[one] = max(longest.get(one, 0), len(prompt))
            number.setdefault(one, len(number))

    def place(row: int) -> tuple[tuple[int, int], ...]:
        own = (-len(prompts[row]), len(number) + row)
        return (*((-longest[one], number[one]) for one in of[row]), own)

    return sorted(rows, key=place)
