"""Objective: what is minimised. Returns sums; the trainer divides once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tunesmith.core.part import Part

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum


class Objective(Part):
    """One way of judging hidden states against labels."""

    @abstractmethod
    def loss_sum(
        self, hidden: Tensor, head: nn.Linear, labels: Tensor, weights: Tensor | None = None
    ) -> LossSum:
        """The loss of hidden states [N, D] under a head [V, D] against labels [N], in nats.

        ``weights`` [N] float32 weigh the targets; None: all weigh 1.
        """
