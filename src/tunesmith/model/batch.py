"""Batch: the tensors of one micro-batch, and the sum a forward pass makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from tunesmith.model.below import Below
from tunesmith.model.device import moved, pinned

Targets = Mapping[str, Tensor]
"""What an objective compares states with, by name; which names there are, task and objective
agree on."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of tokens with their targets: padded, or packed into one line.

    Attributes:
        input_ids: [B, T] int64, filled up on the right; of a packed batch [1, T], nothing filled.
        target_rows: [N] int64, places in the flattened [B * T] whose states the head sees.
        targets: what they are compared with; ``labels`` [N] int64 where each state has one.
        n_targets: what the loss is divided by: the sum of the targets' weights; on the host.
        n_tokens: tokens that are not padding, on the host.
        beside: further rows, seen only by what is measured before the step's loss; or None.
        lengths: tokens of each row, on the host: of B padded rows, or of the S packed pieces.
        position_ids: [1, T] int64 of a packed batch, each row's from 0; None: rows are padded.
        cu_seqlens: [S + 1] int32 of a packed batch: where each piece begins, and the end; or None.
        parents: of a packed batch, for each piece the one it goes on from, or -1; (): all pieces
            are whole rows. See :class:`tunesmith.model.segments.Segments`.
        below: states that its tokens have below the first trained layer, where they are known.
        sharing: tokens of its rows, and of those the ones that are computed, where rows that begin
            alike may share that; on the host. (0, 0): nobody looked.
    """

    input_ids: Tensor
    target_rows: Tensor
    targets: Targets
    n_targets: float
    n_tokens: int
    beside: Batch | None = None
    lengths: tuple[int, ...] = ()
    position_ids: Tensor | None = None
    cu_seqlens: Tensor | None = None
    parents: tuple[int, ...] = ()
    below: Below | None = None
    sharing: tuple[int, int] = (0, 0)

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        if self.input_ids.device == device:
            return self
        return self._mapped(lambda tensor: moved(tensor, device))

    def pinned(self, device: torch.device) -> Batch:
        """The same batch on the host, where a copy to ``device`` need not wait."""
        return self._mapped(lambda tensor: pinned(tensor, device))

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with every one of its tensors changed."""

        def maybe(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else change(tensor)

        return replace(
            self,
            input_ids=change(self.input_ids),
            target_rows=change(self.target_rows),
            targets={name: change(tensor) for name, tensor in self.targets.items()},
            beside=None if self.beside is None else self.beside._mapped(change),
            position_ids=maybe(self.position_ids),
            cu_seqlens=maybe(self.cu_seqlens),
            below=None if self.below is None else self.below.mapped(change),
        )


@dataclass(frozen=True, slots=True)
class LossSum:
    """A loss summed over targets, to be divided once by their global number.

    Attributes:
        total: [] float32, in nats.
        metrics: name -> (sum, count), both detached; a count of 0 tells nothing.
    """

    total: Tensor
    metrics: dict[str, tuple[Tensor, float | Tensor]] = field(default_factory=dict)
