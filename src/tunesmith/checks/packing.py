"""Packing: how many rows of a fixed length hold all examples, none of them divided."""

from __future__ import annotations

import numpy as np


def packed_rows(lengths: np.ndarray, tokens_per_row: int) -> int:
    """Rows that best-fit-decreasing packing needs.

    Examples are placed from the longest to the shortest, each in the fullest row that still has
    room. Examples of one length and rows with one amount of room are dealt with together, so the
    time depends on the number of different lengths.

    Args:
        lengths: [N] tokens of each example, each from 1 to ``tokens_per_row``.
        tokens_per_row: room of a row.

    Source: Johnson 1974, Fast algorithms for bin packing.
    """
    n_rows = 0
    with_room = np.zeros(tokens_per_row + 1, np.int64)  # rows by the room they have left
    sizes, counts = np.unique(lengths, return_counts=True)
    for size, left in zip(sizes[::-1].tolist(), counts[::-1].tolist(), strict=True):
        while left:
            fitting = np.flatnonzero(with_room[size:])
            if len(fitting):
                room, available = size + int(fitting[0]), int(with_room[size + fitting[0]])
            else:
                room, available = tokens_per_row, left
            # The row chosen first becomes the fullest that fits, so it is filled before the next.
            each = min(room // size, left)
            n_filled = min(available, left // each)
            if len(fitting):
                with_room[room] -= n_filled
            else:
                n_rows += n_filled
            with_room[room - each * size] += n_filled
            left -= each * n_filled
    return n_rows
