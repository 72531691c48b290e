"""Hinge: the better answer gains on the worse one until the margin is 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import ReferencedPairwise

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.batch import Targets


class Hinge(ReferencedPairwise):
    """The hinge loss of SLiC over DPO's rewards (Zhao et al. 2023, arXiv:2305.10425)."""

    name: Literal["hinge"] = "hinge"

    def compared(
        self, policy: Tensor, reference: Tensor, answers: AnswerLogps, targets: Targets
    ) -> Tensor:
        """See :func:`hinge_loss`."""
        return hinge_loss(policy, reference, beta=self.beta)


def hinge_loss(policy_logps: Tensor, reference_logps: Tensor, *, beta: float) -> Tensor:
    """max(0, 1 - m), m being the margin of rewards.

    Args:
        policy_logps: [2P] from the model being trained; chosen and rejected in turn.
        reference_logps: [2P] from the model before its first update.
        beta: scale of the rewards; 1 / beta is the margin of log-ratios that is enough.

    Returns:
        The loss summed over P pairs, [] float32; P where both models are the same.

    Source: Zhao et al. 2023, arXiv:2305.10425; over log-ratios in Liu et al. 2023 (RSO),
    arXiv:2309.06657.
    """
    ratios = policy_logps - reference_logps  # [2P]
    return (1 - beta * (ratios[0::2] - ratios[1::2])).relu().sum()
