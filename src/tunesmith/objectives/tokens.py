"""Tokens: cross-entropy of the next token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tunesmith.objectives.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum


class Tokens(Objective):
    """Negative log-likelihood of every supervised token."""

    name: Literal["tokens"] = "tokens"

    def loss_sum(
        self, hidden: Tensor, head: nn.Linear, labels: Tensor, weights: Tensor | None = None
    ) -> LossSum:
        """Sums over N targets; the metric ``token_accuracy`` counts labels on top."""
        from tunesmith.model.batch import LossSum
        from tunesmith.model.loss import linear_cross_entropy

        total, n_correct = linear_cross_entropy(hidden, head.weight, labels, weights)
        return LossSum(total, {"token_accuracy": (n_correct, len(labels))})
