"""Packed: the rows of a padded batch in one line without padding, none seeing another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tunesmith.core.errors import RecipeError
from tunesmith.model.batch import Batch
from tunesmith.model.segments import Segments


def packed(batch: Batch) -> Batch:
    """The same rows one behind the other, with the same targets in the same order.

    Args:
        batch: padded, on the host, with ``lengths``; one that is a line already stays as it is.

    Returns:
        A batch of one line; each row's positions begin at 0.

    Raises:
        RecipeError: the batch does not say how long its rows are, as one of another's task may.
    """
    if batch.cu_seqlens is not None:
        return batch if batch.beside is None else replace(batch, beside=packed(batch.beside))
    if not batch.lengths:
        raise RecipeError(
            "train.packing: the rows of this task do not tell their lengths (Batch.lengths). Set "
            "train.packing=false."
        )
    lengths = torch.tensor(batch.lengths)  # [S]
    width = batch.input_ids.shape[1]
    ends = lengths.cumsum(0)
    starts = ends - lengths
    positions = torch.arange(int(ends[-1])) - starts.repeat_interleave(lengths)  # [T]
    rows = torch.arange(len(lengths)).repeat_interleave(lengths)
    target_row, target_position = batch.target_rows // width, batch.target_rows % width
    return replace(
        batch,
        input_ids=batch.input_ids[rows, positions][None],  # [1, T]
        target_rows=starts[target_row] + target_position,
        position_ids=positions[None],
        cu_seqlens=torch.cat([starts[:1], ends]).int(),
        beside=None if batch.beside is None else packed(batch.beside),
    )


def kept_apart(batch: Batch) -> dict[str, Any]:
    """What a transformers model is told beside the tokens, so that packed rows stay apart.

    The empty mask of four dimensions stands for one that is prepared already; without it
    transformers would make one of [T, T], which :func:`tunesmith.model.attention.attend` does not
    need.
    """
    if batch.position_ids is None or batch.cu_seqlens is None:
        return {}
    return {
        "position_ids": batch.position_ids,
        "attention_mask": _prepared(batch.input_ids),
        "segments": Segments(batch.lengths, batch.cu_seqlens, batch.parents),
    }


def _prepared(like: Tensor) -> Tensor:
    return torch.empty(1, 1, 0, 0, dtype=torch.bool, device=like.device)
