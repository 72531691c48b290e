"""Clusters: which of many MinHash signatures belong together, in about linear time.

Signatures are cut into 8 bands of 4 bins. Those that agree on a whole band are compared: where
25 of 32 bins agree at most 7 differ, so at least one band is untouched and no such pair is missed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunesmith.checks.keys import MIX
from tunesmith.checks.minhash import EMPTY, N_BINS

ENOUGH = 25
"""Of 32 bins; about a Jaccard similarity of 0.8."""
NEIGHBOURS = 8
"""Of a band that many signatures share, each is compared with so many and with the first."""
NOTHING = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""A band of empty bins, which says nothing."""
PAIRS_AT_ONCE = 2**17


def cluster(signatures: np.ndarray) -> np.ndarray:
    """Puts alike signatures together.

    Args:
        signatures: [R, 32] uint16.

    Returns:
        [R] int64: for each the first signature of its cluster, itself where it stands alone.
    """
    bands = np.ascontiguousarray(signatures).view(np.uint64)  # [R, 8]
    _, first, inverse = np.unique(_whole(bands), return_index=True, return_inverse=True)
    labels = first[inverse].astype(np.int64)  # equal signatures are together from the start
    distinct = np.sort(first)
    for band in range(bands.shape[1]):
        for a, b in sharing(bands[distinct, band]):
            a, b = distinct[a], distinct[b]
            apart = labels[a] != labels[b]
            a, b = a[apart], b[apart]
            alike = _alike(signatures, a, b)
            labels = _joined(labels, a[alike], b[alike])
    return labels


def _whole(bands: np.ndarray) -> np.ndarray:
    """One key of a whole signature, [R] uint64."""
    key = np.zeros(len(bands), np.uint64)
    for band in range(bands.shape[1]):
        key ^= bands[:, band]
        key *= MIX
        key ^= key >> np.uint64(29)
    return key


def sharing(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of places with the same key, portion by portion."""
    order = np.argsort(keys)
    order = order[keys[order] != NOTHING]
    ranked = keys[order]
    if not len(ranked):
        return
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    run = np.repeat(begins, np.diff(np.r_[begins, len(ranked)]))
    for distance in range(1, NEIGHBOURS + 2):
        last = distance > NEIGHBOURS
        behind = np.arange(distance, len(ranked))
        ahead = run[behind] if last else behind - distance
        # At the last turn, what stands far behind the first of its run is compared with that.
        fits = behind - ahead > NEIGHBOURS if last else run[behind] <= ahead
        behind, ahead = behind[fits], ahead[fits]
        for start in range(0, len(behind), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            yield order[ahead[part]], order[behind[part]]


def _alike(signatures: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether enough of the bins agree that hold anything in either, [P] bool."""
    left, right = signatures[a], signatures[b]
    n_empty = ((left == EMPTY) & (right == EMPTY)).sum(1)
    n_agree = (left == right).sum(1) - n_empty
    return n_agree * N_BINS >= ENOUGH * (N_BINS - n_empty)


def _joined(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Labels after the clusters of each pair became one: the smallest label wins."""
    while len(a):
        low = np.minimum(labels[a], labels[b])
        np.minimum.at(labels, labels[a], low)
        np.minimum.at(labels, labels[b], low)
        while (again := labels[labels] != labels).any():
            labels[again] = labels[labels[again]]
        apart = labels[a] != labels[b]
        a, b = a[apart], b[apart]
    return labels
