"""Objective: what is minimised. Returns sums; the trainer divides once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tunesmith.core.part import Part

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets


class Objective(Part):
    """One way of judging hidden states against targets."""

    @abstractmethod
    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """The loss of hidden states [N, D] under a head [V, D] against targets, in nats."""
