"""Line: a batch's tokens one behind the other without padding, whichever way it holds them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tunesmith.model.batch import Batch
from tunesmith.model.segments import Segments


@dataclass(frozen=True, slots=True)
class Line:
    """The T tokens of a batch.

    Attributes:
        kept: [T] int64, their places in the flattened batch; None: it holds nothing else.
        position_ids: [1, T] int64.
        segments: which of them see each other.
        target_rows: [N] int64, places in the line that carry a target, in the batch's order.
    """

    kept: Tensor | None
    position_ids: Tensor
    segments: Segments
    target_rows: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Line:
        """The line of a batch, on its device."""
        if batch.position_ids is not None and batch.cu_seqlens is not None:
            segments = Segments(batch.lengths, batch.cu_seqlens, batch.parents)
            return cls(None, batch.position_ids, segments, batch.target_rows)
        n_rows, width = batch.input_ids.shape
        device = batch.input_ids.device
        # Rows whose lengths nobody tells count with their padding: no token of text sees it.
        lengths = batch.lengths or (width,) * n_rows
        sizes = torch.tensor(lengths)  # [B], on the host
        ends = sizes.cumsum(0)
        before = ends - sizes
        places = torch.arange(int(ends[-1]))  # [T]
        positions = places - before.repeat_interleave(sizes)
        is_full = len(places) == n_rows * width
        shifts = torch.arange(n_rows) * width - before  # of a row's places by leaving padding out
        starts = torch.cat([before[:1], ends]).int()
        targets = batch.target_rows
        if not is_full:
            targets = targets - shifts.to(device, non_blocking=True)[targets // width]
        return cls(
            None if is_full else (places + shifts.repeat_interleave(sizes)).to(device),
            positions[None].to(device, non_blocking=True),
            Segments(lengths, starts.to(device, non_blocking=True)),
            targets,
        )
