"""Packing: which examples share a row; none is divided."""

from __future__ import annotations

import heapq

import numpy as np


def pack(lengths: np.ndarray, tokens_per_row: int) -> list[list[int]]:
    """Packs examples into rows by best-fit decreasing.

    Examples are placed from the longest to the shortest, each in the fullest row that still has
    room for it.

    Args:
        lengths: [N] tokens of each example, each from 1 to ``tokens_per_row``.
        tokens_per_row: room of a row.

    Returns:
        For each row the numbers of its examples.

    Source: Johnson 1974, Near-optimal bin packing algorithms.
    """
    rows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(tokens_per_row + 1)]  # rows by what is left
    smallest_room = np.zeros(tokens_per_row + 1, np.bool_)
    for number in np.argsort(-lengths, kind="stable").tolist():
        size = int(lengths[number])
        offset = int(np.argmax(smallest_room[size:]))
        room = size + offset
        if smallest_room[room]:
            row = with_room[room].pop()
            smallest_room[room] = bool(with_room[room])
        else:
            room, row = tokens_per_row, len(rows)
            rows.append([])
        rows[row].append(number)
        left = room - size
        if left:
            with_room[left].append(row)
            smallest_room[left] = True
    return rows


def spread(lengths: np.ndarray, room: int, most: int) -> list[list[int]]:
    """Divides examples into as few lines as it can, all of them filled alike.

    Examples go from the longest to the shortest into the line that is emptiest so far, with one
    line more as long as any is too full. So none is nearly empty, which a filling up one after
    the other leaves.

    Args:
        lengths: [N] tokens of each example.
        room: tokens of a line; an example that is longer has a line of its own.
        most: examples of a line.

    Returns:
        For each line the numbers of its examples, the longest first.

    Source: Graham 1969, Bounds on multiprocessing timing anomalies (longest processing time).
    """
    sizes = lengths.tolist()
    order = np.argsort(-lengths, kind="stable").tolist()
    alone = [n for n in order if sizes[n] >= room]
    shared = order[len(alone) :]
    n_lines = max(-(-sum(sizes[n] for n in shared) // room), -(-len(shared) // most))
    lines: list[list[int]] | None = [] if not shared else None
    while lines is None:
        lines = _spread_over(n_lines, shared, sizes, room, most)
        n_lines += 1
    return [*([n] for n in alone), *lines]


def _spread_over(
    n_lines: int, order: list[int], sizes: list[int], room: int, most: int
) -> list[list[int]] | None:
    """So many lines; None where one is too full."""
    lines: list[list[int]] = [[] for _ in range(n_lines)]
    filled = [(0, line) for line in range(n_lines)]
    for number in order:
        tokens, line = filled[0]
        if tokens + sizes[number] > room:
            return None
        lines[line].append(number)
        if len(lines[line]) < most:
            heapq.heapreplace(filled, (tokens + sizes[number], line))
        else:
            heapq.heappop(filled)
    return lines


def slices(lengths: np.ndarray, room: int, most: int) -> list[list[int]]:
    """Divides examples into as few padded rectangles as it can, all of them filled alike.

    A rectangle holds examples that follow each other by length, each as wide as the longest.

    Args:
        lengths: [N] tokens of each example.
        room: places of a rectangle; an example that is longer has one of its own.
        most: examples of a rectangle.

    Returns:
        For each rectangle the numbers of its examples, the longest first.
    """
    order = np.argsort(-lengths, kind="stable").tolist()
    sizes = lengths[order].tolist()
    n_wanted = len(_cut(sizes, room, most))
    low, high = min(sizes[0], room), room
    while low < high:  # the smallest room with which as few suffice
        middle = (low + high) // 2
        if len(_cut(sizes, middle, most)) > n_wanted:
            low = middle + 1
        else:
            high = middle
    ends = _cut(sizes, high, most)
    return [order[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _cut(sizes: list[int], room: int, most: int) -> list[int]:
    """Where each rectangle ends, each taking as many as it can."""
    ends: list[int] = []
    start = 0
    while start < len(sizes):
        start += min(most, max(1, room // sizes[start]))
        ends.append(min(start, len(sizes)))
    return ends
