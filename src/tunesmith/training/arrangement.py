"""Arrangement: a step's rows in micro-batches in which those that begin alike are together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tunesmith.data.prefixes import grow, shared_with_next, sharing_order

if TYPE_CHECKING:
    from tunesmith.training.batching import Batching
    from tunesmith.training.plan import Step
    from tunesmith.training.sharing import Sharing

GAIN = 0.05
"""Share of a step's tokens that has to be saved: rows of very different lengths in one micro-batch
attend a little slower, and less is within what is measured."""


def arranged(
    planned: Step, ids: Mapping[int, np.ndarray], sharing: Sharing, batching: Batching
) -> Step:
    """Divides a step so that the fewest tokens are computed, if that pays; a pure function.

    In the order in which rows with the longest common prefixes follow each other, a micro-batch is
    a stretch, and its line has as many tokens as its rows, less what each shares with the one
    before it. Of all ways of cutting the order that keep to the batching, the one with the fewest
    tokens is taken.

    Args:
        planned: the rows of each micro-batch, as the batching has divided them.
        ids: token ids [T] of each of these rows, all of one type, none empty.
        sharing: decides which prefixes are shared; nothing is counted in it.
        batching: the limits of a micro-batch.

    Returns:
        The same rows; ``planned`` where nothing better was found.
    """
    if len(planned) < 2:
        return planned
    numbers = list(ids)
    order = [numbers[place] for place in sharing_order(list(ids.values()))]
    rows = [ids[number] for number in order]
    common = shared_with_next(rows)  # [N - 1]
    common[common < sharing.least_tokens] = 0
    if not common.any():
        return planned
    sizes = np.array([len(row) for row in rows])
    cuts = _cheapest(sizes, common, batching, sharing.least_tokens)
    found = [order[start:end] for start, end in cuts]
    # Whether the layers compute padding is not known here: what is planned is taken to have none.
    n_before = sum(_cost([ids[row] for row in micro], sharing, pads=False) for micro in planned)
    n_after = sum(
        _cost([ids[row] for row in micro], sharing, pads=not batching.packs) for micro in found
    )
    return found if n_after <= (1 - GAIN) * n_before else planned


def _cheapest(
    sizes: np.ndarray, common: np.ndarray, batching: Batching, each: int
) -> list[tuple[int, int]]:
    """Cuts the order into the stretches that cost least: their tokens, and ``each`` for each.

    In a time that grows with the rows and not with their square. What a stretch costs is a sum up
    to its end less one up to its start, so that the best start is that of the least difference; and
    the first start that the limits allow never goes back, so that both it and the longest row of
    the stretch are found in a window that moves on.
    """
    n_rows = len(sizes)
    tokens = [0, *np.cumsum(sizes).tolist()]  # of the rows before each
    saved = [0, *np.cumsum(common).tolist()]  # of what each of them shares with its next one
    lengths, first = sizes.tolist(), 0
    best: list[tuple[int, int]] = [(0, 0)]  # cost up to here; where its last stretch begins
    starts: deque[tuple[int, int]] = deque()  # what a stretch costs less by its start; the start
    longest: deque[int] = deque()  # rows, each shorter than the one before it
    for end in range(1, n_rows + 1):
        start = end - 1
        rank = best[start][0] - tokens[start] + saved[start]
        while starts and starts[-1][0] > rank:
            starts.pop()
        starts.append((rank, start))
        while longest and lengths[longest[-1]] <= lengths[start]:
            longest.pop()
        longest.append(start)
        while first < start:
            n_tokens = tokens[end] - tokens[first]
            size = batching.size_of(end - first, n_tokens, lengths[longest[0]])
            if end - first <= batching.rows_at_once and size <= batching.limit:
                break
            first += 1
            if starts[0][1] < first:
                starts.popleft()
            if longest[0] < first:
                longest.popleft()
        rank, start = starts[0]
        best.append((rank + tokens[end] - saved[end - 1] + each, start))
    cuts: list[tuple[int, int]] = []
    end = n_rows
    while end:
        start = best[end][1]
        cuts.append((start, end))
        end = start
    return cuts[::-1]


def _cost(rows: list[np.ndarray], sharing: Sharing, *, pads: bool) -> int:
    """Tokens that a micro-batch computes, and what it and its shared pieces cost, in tokens."""
    sizes = [len(row) for row in rows]
    apart = max(sizes) * len(sizes) if pads else sum(sizes)
    is_kept_apart = sharing.longest is not None and max(sizes) > sharing.longest
    tree = None if is_kept_apart else grow(rows, sharing.least_tokens)
    if tree is None or not tree.n_saved:
        return apart + sharing.least_tokens
    n_shared = len(set(tree.parents) - {-1})
    return tree.n_tokens + sharing.least_tokens * (1 + n_shared)
