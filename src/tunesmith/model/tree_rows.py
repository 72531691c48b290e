"""Tree rows: a batch whose rows begin alike as one line in which their prefixes are there once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tunesmith.data.prefixes import Tree, grow
from tunesmith.model.batch import Batch
from tunesmith.model.below import Below


def tree_of(batch: Batch, least_tokens: int = 1) -> Tree:
    """The rows of a padded batch as a tree.

    Args:
        batch: padded, on the host, with ``lengths``.
        least_tokens: what a shared piece has to save.
    """
    return grow(rows_of(batch), least_tokens)


def rows_of(batch: Batch) -> list[np.ndarray]:
    """The token ids of each row of a padded batch, without what fills it up.

    Args:
        batch: padded, on the host, with ``lengths``.
    """
    ids = batch.input_ids.numpy()
    return [row[:n] for row, n in zip(ids, batch.lengths, strict=True)]


def planted(batch: Batch, tree: Tree) -> Batch:
    """The same rows as one line, with the same targets in the same order.

    Where the state that predicts a target lies in a shared piece, each row that has the target
    names that place; what it is compared with differs from row to row.

    Args:
        batch: padded, on the host, with ``lengths``.
        tree: of its rows; see :func:`tree_of`.

    Returns:
        A batch of one line. Position ids go on along each way from a root. ``n_tokens`` counts what
        it counted: tokens of the rows, not of the line.
    """
    width = batch.input_ids.shape[1]
    place_of = np.zeros(batch.input_ids.shape, np.int64)  # [B, T]
    ids = np.empty(tree.n_tokens, np.int64)
    for row, places in enumerate(tree.places):
        place_of[row, : len(places)] = places
        ids[places] = batch.input_ids[row, : len(places)].numpy()
    lengths = np.array(tree.lengths)
    starts = np.cumsum(lengths) - lengths
    positions = np.arange(tree.n_tokens) - np.repeat(starts - tree.begins, lengths)
    rows = batch.target_rows.numpy()
    return replace(
        batch,
        input_ids=torch.from_numpy(ids)[None],  # [1, T]
        target_rows=torch.from_numpy(place_of[rows // width, rows % width]),
        lengths=tree.lengths,
        position_ids=torch.from_numpy(positions)[None],
        cu_seqlens=torch.from_numpy(np.append(starts, tree.n_tokens).astype(np.int32)),
        parents=tree.parents,
        below=None if batch.below is None else _planted(batch.below, tree),
    )


def _planted(below: Below, tree: Tree) -> Below:
    """States of the tokens of a line, of those of all rows; rows that share a token agree on it."""
    if below.layer is None:
        return below
    row_token = np.empty(tree.n_tokens, np.int64)
    n_before = 0
    for places in tree.places:
        row_token[places] = np.arange(n_before, n_before + len(places))
        n_before += len(places)
    return replace(below, states=below.states[torch.from_numpy(row_token)])
