"""Collate: encoded examples -> one padded batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tunesmith.model.batch import IGNORED, Batch
from tunesmith.tasks.task import EncodedExample


def collate(examples: Sequence[EncodedExample], pad_id: int) -> Batch:
    """Pads examples on the right to the longest of them.

    Args:
        examples: B of them.
        pad_id: fills the rows; never seen by attention of text, never a target.

    Returns:
        A batch on the host; labels are shifted, so that ``labels[b, t]`` follows position t.
    """
    shape = (len(examples), max(len(example) for example in examples))
    input_ids = np.full(shape, pad_id, np.int64)
    labels = np.full(shape, IGNORED, np.int64)
    for row, example in enumerate(examples):
        length = len(example)
        input_ids[row, :length] = example.input_ids
        learnt = example.supervised[1:]
        labels[row, : length - 1][learnt] = example.input_ids[1:][learnt]
    target_rows = np.flatnonzero(labels != IGNORED)
    return Batch(
        torch.from_numpy(input_ids),
        torch.from_numpy(labels),
        torch.from_numpy(target_rows),
        n_targets=len(target_rows),
        n_tokens=sum(len(example) for example in examples),
    )


class EncodedRows:
    """Encoded examples as the rows a trainer asks for."""

    def __init__(self, examples: Sequence[EncodedExample], pad_id: int) -> None:
        self.examples = examples
        self.pad_id = pad_id
        self.lengths = [len(example) for example in examples]

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some rows."""
        return collate([self.examples[row] for row in rows], self.pad_id)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return [self.examples[row].origin for row in rows]
