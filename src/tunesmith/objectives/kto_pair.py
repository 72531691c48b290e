"""KTO over pairs: each answer against how far the other kind has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import ReferencedPairwise

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import Targets

CHOSEN, REJECTED = "kl_chosen", "kl_rejected"


class KTOPair(ReferencedPairwise):
    """The paired loss of the KTO report: the other kind's answers estimate the KL term.

    That is the mean over all pairs of a step, whatever its micro-batches, made by one more pass
    without gradients. ``objective=kto`` follows the paper.
    """

    name: Literal["kto-pair"] = "kto-pair"
    measures: ClassVar[bool] = True

    def measure(
        self, hidden: Tensor, head: nn.Linear, targets: Targets
    ) -> dict[str, tuple[Tensor, float]]:
        """Sums of log-ratios of better and of worse answers."""
        ratios = self.logps(hidden, head, targets) - targets["reference_logps"]
        n_pairs = len(ratios) / 2
        return {CHOSEN: (ratios[0::2].sum(), n_pairs), REJECTED: (ratios[1::2].sum(), n_pairs)}

    def compared(
        self, policy: Tensor, reference: Tensor, answers: AnswerLogps, targets: Targets
    ) -> Tensor:
        """See :func:`kto_pair_loss`."""
        kls = targets[CHOSEN], targets[REJECTED]
        return kto_pair_loss(policy, reference, kls, beta=self.beta)


def kto_pair_loss(
    policy_logps: Tensor, reference_logps: Tensor, kls: tuple[Tensor, Tensor], *, beta: float
) -> Tensor:
    """The mean of 1 - s(beta (r_chosen - kl_rejected)) and 1 - s(beta (kl_chosen - r_rejected)).

    Args:
        policy_logps: [2P] from the model being trained; chosen and rejected in turn.
        reference_logps: [2P] from the model before its first update.
        kls: mean log-ratio of chosen and of rejected answers, each []; below 0 it counts as 0.
        beta: scale.

    Returns:
        The loss summed over P pairs, [] float32; P / 2 where both models are the same.

    Source: Ethayarajh et al. 2023, "Human-centered loss functions", eq. 7.
    """
    ratios = policy_logps - reference_logps  # [2P]
    kl_chosen, kl_rejected = (kl.detach().clamp(min=0) for kl in kls)
    chosen = 1 - (beta * (ratios[0::2] - kl_rejected)).sigmoid()
    rejected = 1 - (beta * (kl_chosen - ratios[1::2])).sigmoid()
    return (chosen + rejected).sum() / 2
