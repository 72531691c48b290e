"""Objective: what is minimised. Returns sums; the trainer divides once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tunesmith.core.part import Part

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets
    from tunesmith.objectives.answers import AnswerLogps


class Objective(Part):
    """One way of judging hidden states against targets."""

    lr_share: ClassVar[float] = 1.0
    """What the method's own learning rate is multiplied by where the recipe sets none."""
    measures: ClassVar[bool] = False
    """Whether its loss needs figures of the whole step, which :meth:`measure` adds up."""
    needs_pairs: ClassVar[bool] = False
    """Whether answers come in pairs, a better one and a worse one."""
    is_likelihood: ClassVar[bool] = False
    """Whether its mean is the negative log-likelihood of a token, so that it has a perplexity."""

    needs_reference: ClassVar[bool] = False
    """Whether it compares with the model before its first update."""
    needs_mismatched: ClassVar[bool] = False
    """Whether batches bring prompts with answers of other prompts beside them."""

    @abstractmethod
    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """The loss of hidden states [N, D] under a head [V, D] against targets, in nats."""

    def measure(
        self, hidden: Tensor, head: nn.Linear, targets: Targets
    ) -> dict[str, tuple[Tensor, float]]:
        """What a batch adds to the figures of its step, made without gradients before any loss.

        Returns:
            Name -> (sum, count). Their mean over the step stands in ``targets`` under that name,
            [] float32, when :meth:`loss_sum` is asked.
        """
        return {}

    def weighed(self, answers: AnswerLogps) -> Tensor:
        """What it compares of whole answers with another model's, [R], where it judges them."""
        raise NotImplementedError(f"objective {self.name!r} judges no whole answers")

    def rewards(self, policy: Tensor, reference: Tensor, lengths: Tensor) -> Tensor:
        """What answers are worth, [R], where it judges whole ones.

        Args:
            policy: [R], of :meth:`weighed`.
            reference: [R], the same under the model before its first update.
            lengths: [R], tokens of each answer.
        """
        raise NotImplementedError(f"objective {self.name!r} judges no whole answers")
