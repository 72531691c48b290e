"""SimPO: the better answer's mean log-probability exceeds the worse one's; no reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import Pairwise

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.batch import Targets


class SimPO(Pairwise):
    """Simple preference optimisation (Meng et al. 2024, arXiv:2405.14734)."""

    name: Literal["simpo"] = "simpo"
    needs_reference: ClassVar[bool] = False
    beta: float = Field(default=2.0, gt=0)
    """Scale of the rewards, 2 to 10."""
    gamma: float = Field(default=1.0, ge=0)
    """Margin of rewards aimed at; about half of beta."""

    def judged(self, answers: AnswerLogps, targets: Targets) -> tuple[Tensor, Tensor]:
        """See :func:`simpo_loss`; rewards are beta times the log-probability per token."""
        means = self.weighed(answers) / answers.lengths
        return simpo_loss(means, beta=self.beta, gamma=self.gamma), self.beta * means.detach()


def simpo_loss(policy_logps: Tensor, *, beta: float, gamma: float) -> Tensor:
    """-log s(beta (log p(chosen) - log p(rejected)) - gamma).

    Args:
        policy_logps: [2P] per token, chosen and rejected in turn.
        beta: scale of the rewards.
        gamma: margin aimed at.

    Returns:
        The loss summed over P pairs, [] float32.

    Source: Meng et al. 2024, eq. 6, arXiv:2405.14734.
    """
    import torch.nn.functional as F

    return -F.logsigmoid(beta * (policy_logps[0::2] - policy_logps[1::2]) - gamma).sum()
