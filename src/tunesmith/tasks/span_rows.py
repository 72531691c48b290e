"""Span rows: windows of questions -> batches whose targets are places in the windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tunesmith.model.batch import Batch
from tunesmith.tasks.collate import EncodedRows, pad


class SpanRows(EncodedRows):
    """The windows of a split as the rows a trainer asks for."""

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some windows.

        Returns:
            A batch on the host, whose N states are those of all tokens that are no padding.
            ``targets`` holds ``places`` [B, T], for each token of a padded window the number of its
            state, N for padding; and ``starts`` and ``ends`` [B], the answer's first and last
            token in its window. The loss is divided by the number of windows.
        """
        windows = [self.split.arrays(row)[0] for row in rows]
        values = np.array([self.split.values_of(row) for row in rows], np.int64)  # [B, 2]
        input_ids = pad(windows, self.pad_id)
        lengths = torch.tensor([len(window) for window in windows])
        is_real = torch.arange(input_ids.shape[1]) < lengths[:, None]  # [B, T]
        n_states = int(lengths.sum())
        places = torch.full(input_ids.shape, n_states)
        places[is_real] = torch.arange(n_states)
        starts, ends = torch.from_numpy(values).unbind(1)
        return Batch(
            input_ids,
            is_real.flatten().nonzero()[:, 0],
            {"places": places, "starts": starts, "ends": ends},
            n_targets=len(windows),
            n_tokens=n_states,
            lengths=tuple(len(window) for window in windows),
        )
