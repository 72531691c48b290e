"""IPO: the better answer gains a fixed margin on the worse one, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import ReferencedPairwise

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.batch import Targets


class IPO(ReferencedPairwise):
    """Identity preference optimisation (Azar et al. 2023, arXiv:2310.12036)."""

    name: Literal["ipo"] = "ipo"

    def compared(
        self, policy: Tensor, reference: Tensor, answers: AnswerLogps, targets: Targets
    ) -> Tensor:
        """See :func:`ipo_loss`; log-probabilities are taken per token."""
        return ipo_loss(policy / answers.lengths, reference / answers.lengths, beta=self.beta)


def ipo_loss(policy_logps: Tensor, reference_logps: Tensor, *, beta: float) -> Tensor:
    """(h - 1 / (2 beta))^2, h being the difference of the two answers' log-ratios.

    The paper does not say that log-probabilities are means over tokens. Its authors do, and its
    figures were made so (huggingface/trl#1265); with sums the target would depend on lengths.

    Args:
        policy_logps: [2P] per token, from the model being trained; chosen and rejected in turn.
        reference_logps: [2P] per token, from the model before its first update.
        beta: the paper's tau; 1 / (2 beta) is the margin aimed at.

    Returns:
        The loss summed over P pairs, [] float32.

    Source: Azar et al. 2023, eq. 17, arXiv:2310.12036.
    """
    ratios = policy_logps - reference_logps  # [2P]
    return (ratios[0::2] - ratios[1::2] - 1 / (2 * beta)).square().sum()
