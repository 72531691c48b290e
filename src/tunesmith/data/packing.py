"""Packing: which examples share a row of fixed length; none is divided."""

from __future__ import annotations

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
