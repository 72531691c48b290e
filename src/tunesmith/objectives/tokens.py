"""Tokens: cross-entropy of the next token."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tunesmith.objectives.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets


class Tokens(Objective):
    """Negative log-likelihood of every supervised token."""

    name: Literal["tokens"] = "tokens"
    is_likelihood: ClassVar[bool] = True

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """Sums over N targets; ``token_accuracy`` counts labels on top, ``entropy`` is in nats.

        Args:
            hidden: [N, D].
            head: [V, D].
            targets: ``labels`` [N] int64, and ``weights`` [N] float32 where not all weigh 1.
        """
        from tunesmith.model.batch import LossSum
        from tunesmith.model.loss import linear_cross_entropy

        labels = targets["labels"]
        total, n_correct, entropy = linear_cross_entropy(
            hidden, head.weight, labels, targets.get("weights")
        )
        n = len(labels)
        return LossSum(total, {"token_accuracy": (n_correct, n), "entropy": (entropy, n)})
