"""Collate: encoded examples -> one padded batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.batch import Batch
from tunesmith.tasks.store import EncodedSplit


def pad(rows: Sequence[np.ndarray], pad_id: int) -> Tensor:
    """Rows of token ids as one tensor.

    Args:
        rows: token ids [T] of B rows.
        pad_id: fills them up on the right; never seen by attention of text, never a target.

    Returns:
        [B, T] int64 on the host, T being the longest row's.
    """
    filled = np.full((len(rows), max(map(len, rows))), pad_id, np.int64)
    for row, ids in enumerate(rows):
        filled[row, : len(ids)] = ids
    return torch.from_numpy(filled)


def collate(examples: Sequence[tuple[np.ndarray, np.ndarray]], pad_id: int) -> Batch:
    """A batch whose targets are the tokens that follow.

    Args:
        examples: token ids [T] and weights [T] of B examples.
        pad_id: fills the rows.

    Returns:
        A batch on the host. ``targets`` holds ``labels`` [N], and ``weights`` [N] where not all
        weigh 1; the label of a target row is the token behind it.
    """
    input_ids = pad([ids for ids, _ in examples], pad_id)
    width = input_ids.shape[1]
    learnt = [np.flatnonzero(weights[1:] > 0) for _, weights in examples]
    rows = [row * width + places for row, places in enumerate(learnt)]
    labels = [ids[1:][places] for (ids, _), places in zip(examples, learnt, strict=True)]
    weights = np.concatenate(
        [w[1:][places] for (_, w), places in zip(examples, learnt, strict=True)]
    )
    targets = {"labels": torch.from_numpy(np.concatenate(labels).astype(np.int64))}
    is_plain = bool((weights == 1).all())
    if not is_plain:
        targets["weights"] = torch.from_numpy(weights)
    return Batch(
        input_ids,
        torch.from_numpy(np.concatenate(rows)),
        targets,
        n_targets=len(weights) if is_plain else float(weights.sum(dtype=np.float64)),
        n_tokens=sum(len(ids) for ids, _ in examples),
        lengths=tuple(len(ids) for ids, _ in examples),
    )


class EncodedRows:
    """The encoded rows of a split as the rows a trainer asks for."""

    def __init__(self, split: EncodedSplit, pad_id: int) -> None:
        self.split = split
        self.pad_id = pad_id

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        return self.split.lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some rows."""
        return collate([self.split.arrays(row) for row in rows], self.pad_id)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return [self.split.origin(row) for row in rows]
