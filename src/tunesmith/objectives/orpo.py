"""ORPO: imitation of the better answer, with the odds against the worse one; no reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import Pairwise

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.batch import Targets


class ORPO(Pairwise):
    """Odds ratio preference optimisation (Hong et al. 2024, arXiv:2403.07691).

    ``beta`` is the paper's lambda. Both terms see answers only; TRL's trainer also learns the
    prompt of the better one.
    """

    name: Literal["orpo"] = "orpo"
    needs_reference: ClassVar[bool] = False
    # It imitates as well, so it takes more: lora 5e-5, full 5e-6 (the paper's 8e-6 for 7B).
    lr_share: ClassVar[float] = 1 / 4

    def judged(self, answers: AnswerLogps, targets: Targets) -> tuple[Tensor, Tensor]:
        """See :func:`orpo_loss`; rewards are beta times the log-probability per token."""
        means = self.weighed(answers) / answers.lengths
        return orpo_loss(means, beta=self.beta), self.beta * means.detach()


def orpo_loss(policy_logps: Tensor, *, beta: float) -> Tensor:
    """-log p(chosen) - beta log s(log odds(chosen) - log odds(rejected)).

    Args:
        policy_logps: [2P] per token, chosen and rejected in turn.
        beta: weight of the odds ratio.

    Returns:
        The loss summed over P pairs, [] float32.

    Source: Hong et al. 2024, eq. 6 and 7, arXiv:2403.07691.
    """
    import torch.nn.functional as F

    odds = policy_logps - log_not(policy_logps)  # [2P]
    return -(policy_logps[0::2] + beta * F.logsigmoid(odds[0::2] - odds[1::2])).sum()


def log_not(logps: Tensor) -> Tensor:
    """log(1 - p) of log p, exact at both ends; p is at most 1 - 1e-7.

    Source: Mächler 2012, "Accurately computing log(1 - exp(-|a|))".
    """
    import torch

    logps = logps.clamp(max=-1e-7)
    large = logps > -math.log(2)
    # Each branch sees only what it can bear: a masked infinity would still make gradients NaN.
    near = torch.where(large, logps, -math.log(2))
    far = torch.where(large, -math.log(2), logps)
    return torch.where(large, (-near.expm1()).log(), (-far.exp()).log1p())
