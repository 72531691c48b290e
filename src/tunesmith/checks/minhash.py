"""MinHash: a text as 64 bytes, of which two texts share about as many as they share wording.

A text is the set of its windows of eight bytes. Of these about one in four is taken, by its content
and so the same in every text; each taken window falls into one of 32 bins, and each bin keeps its
least hash (one permutation, Li et al. 2012). The share of bins that agree estimates the Jaccard
similarity of the two sets. Everything is done in arrays over many texts at once, at several hundred
megabytes per second.
"""

from __future__ import annotations

import numpy as np

from tunesmith.checks.keys import MIX

WINDOW = 8
"""Bytes; the width of the integers that windows are read as."""
BITS = 5
N_BINS = 2**BITS
EMPTY = 0xFFFF
"""Of a bin that no window fell into."""
TAKEN_BELOW = 64
"""Of 256: how many windows are taken."""
BLOCK_BYTES = 2**16
"""Text that is hashed at a time: what it is turned into fits the processor's cache."""


def signatures(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """MinHash signatures of stretches of a text.

    Args:
        text: [bytes] uint8.
        starts: [R] where each stretch begins, ascending; stretches do not overlap.
        ends: [R] where each ends.

    Returns:
        [R, 32] uint16; two stretches with the same bytes have the same row, whatever lies around.
    """
    nowhere = len(starts)  # one more row, for windows that reach beyond their stretch
    least = np.full((nowhere + 1) * N_BINS, EMPTY, np.uint16)
    if len(text) >= WINDOW and nowhere:
        taken = _taken(text)
        # Between the windows of each stretch lie those that reach beyond its end.
        bounds = np.zeros(2 * nowhere + 2, np.int64)
        bounds[1:-1:2] = np.searchsorted(taken, starts)
        bounds[2::2] = np.searchsorted(taken, ends - WINDOW, side="right")
        bounds[-1] = len(taken)
        owners = np.full(2 * nowhere + 1, nowhere, np.int64)
        owners[1::2] = np.arange(nowhere)
        counts = np.diff(np.maximum.accumulate(bounds))
        hashes = _hashes(text, taken)
        bins = np.repeat(owners * N_BINS, counts) + (hashes >> np.uint32(32 - BITS))
        np.minimum.at(least, bins, hashes.astype(np.uint16))
    return least[: nowhere * N_BINS].reshape(-1, N_BINS)


def _taken(text: np.ndarray) -> np.ndarray:
    """Where the windows begin that are taken, by a hash of three of their bytes, [K] int64."""
    n = len(text) - WINDOW + 1
    taken: list[np.ndarray] = []
    for start in range(0, n, BLOCK_BYTES):
        block = text[start : min(start + BLOCK_BYTES, n) + WINDOW - 1]
        n_block = len(block) - WINDOW + 1
        mixed = block[:n_block] * np.uint8(157)
        part = block[2 : n_block + 2] * np.uint8(101)
        mixed ^= part
        np.multiply(block[5 : n_block + 5], np.uint8(229), out=part)
        mixed += part
        np.right_shift(mixed, np.uint8(4), out=part)
        mixed ^= part
        mixed *= np.uint8(205)
        taken.append(np.flatnonzero(mixed < TAKEN_BELOW) + start)
    return np.concatenate(taken)


def _hashes(text: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """A hash of each window, [len(positions)] uint32."""
    n = len(text) - WINDOW + 1
    windows = np.ndarray((n,), np.uint64, np.ascontiguousarray(text).data, strides=(1,))
    mixed = windows.take(positions)
    mixed *= MIX
    mixed ^= mixed >> np.uint64(32)
    mixed *= MIX
    mixed >>= np.uint64(32)
    return mixed.astype(np.uint32)
