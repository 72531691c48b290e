"""Collate: encoded examples -> one padded batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tunesmith.model.batch import IGNORED, Batch
from tunesmith.tasks.store import EncodedSplit


def collate(examples: Sequence[tuple[np.ndarray, np.ndarray]], pad_id: int) -> Batch:
    """Pads examples on the right to the longest of them.

    Args:
        examples: token ids [T] and weights [T] of B examples.
        pad_id: fills the rows; never seen by attention of text, never a target.

    Returns:
        A batch on the host; labels are shifted, so that ``labels[b, t]`` follows position t.
    """
    shape = (len(examples), max(len(ids) for ids, _ in examples))
    input_ids = np.full(shape, pad_id, np.int64)
    labels = np.full(shape, IGNORED, np.int64)
    target_weights: list[np.ndarray] = []
    for row, (ids, weights) in enumerate(examples):
        length = len(ids)
        input_ids[row, :length] = ids
        learnt = weights[1:] > 0
        labels[row, : length - 1][learnt] = ids[1:][learnt]
        target_weights.append(weights[1:][learnt])
    target_rows = np.flatnonzero(labels != IGNORED)
    weights = np.concatenate(target_weights)
    is_plain = bool((weights == 1).all())
    return Batch(
        torch.from_numpy(input_ids),
        torch.from_numpy(labels),
        torch.from_numpy(target_rows),
        n_targets=len(target_rows) if is_plain else float(weights.sum(dtype=np.float64)),
        n_tokens=sum(len(ids) for ids, _ in examples),
        weights=None if is_plain else torch.from_numpy(weights),
    )


class EncodedRows:
    """The encoded rows of a split as the rows a trainer asks for."""

    def __init__(self, split: EncodedSplit, pad_id: int) -> None:
        self.split = split
        self.pad_id = pad_id
        self.lengths = split.lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some rows."""
        return collate([self.split.arrays(row) for row in rows], self.pad_id)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return [self.split.origin(row) for row in rows]
