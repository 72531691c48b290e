"""Line: a batch's tokens one behind the other without padding, whichever way it holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tunesmith.model.batch import Batch
from tunesmith.model.device import moved
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
            targets = targets - moved(shifts, device)[targets // width]
        return cls(
            None if is_full else moved(places + shifts.repeat_interleave(sizes), device),
            moved(positions[None], device),
            Segments(lengths, moved(starts, device)),
            targets,
        )

    def filled(self, n_more: int) -> Line:
        """The same with a piece of ``n_more`` places at its end that nothing else sees."""
        if not n_more:
            return self
        old, ends = self.segments, self.segments.cu_seqlens
        parents = (*old.parents, -1) if old.parents else ()
        segments = Segments((*old.lengths, n_more), torch.cat([ends, ends[-1:] + n_more]), parents)
        positions = torch.cat([self.position_ids, self.position_ids.new_zeros(1, n_more)], 1)
        return replace(self, position_ids=positions, segments=segments)

    def distinct_targets(self) -> tuple[Tensor, Tensor | None]:
        """Each place that carries a target once, and for each target the number of its place.

        Returns:
            [M] int64 in ascending order, and [N] int64, or None where the targets are in that
            order themselves. On a GPU, where finding them would have the host wait, the targets as
            they are.
        """
        if self.target_rows.device.type != "cpu":
            return self.target_rows, None
        rows, copies = torch.unique(self.target_rows, return_inverse=True)
        is_same = len(rows) == len(copies) and torch.equal(rows, self.target_rows)
        return rows, None if is_same else copies
