"""DPO: the better answer gains on the worse one, as far as the reference is not left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tunesmith.objectives.answers import AnswerLogps
from tunesmith.objectives.preference import ReferencedPairwise

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.batch import Targets


class DPO(ReferencedPairwise):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290)."""

    name: Literal["dpo"] = "dpo"
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of pairs taken to be labelled the wrong way round (conservative DPO)."""

    def compared(
        self, policy: Tensor, reference: Tensor, answers: AnswerLogps, targets: Targets
    ) -> Tensor:
        """See :func:`dpo_loss`."""
        return dpo_loss(policy, reference, beta=self.beta, label_smoothing=self.label_smoothing)


def dpo_loss(
    policy_logps: Tensor, reference_logps: Tensor, *, beta: float, label_smoothing: float = 0.0
) -> Tensor:
    """Direct preference loss: -(1 - e) log s(m) - e log s(-m), m being the margin of rewards.

    Pairs are interleaved: row 2i is the chosen answer, row 2i + 1 the rejected one.
    Log-probabilities are in nats, summed over answer tokens.

    Args:
        policy_logps: [2P] from the model being trained.
        reference_logps: [2P] from the model before its first update.
        beta: weight of staying close to the reference.
        label_smoothing: e, share of labels taken to be wrong.

    Returns:
        The loss summed over P pairs, [] float32; P log 2 where both models are the same.

    Source: Rafailov et al. 2023, eq. 7, arXiv:2305.18290; smoothed as in Mitchell 2023, "A note on
    DPO with noisy preferences and relationship to IPO".
    """
    import torch.nn.functional as F

    ratios = policy_logps - reference_logps  # [2P]
    margins = beta * (ratios[0::2] - ratios[1::2])  # [P]
    right, wrong = F.logsigmoid(margins), F.logsigmoid(-margins)
    return -((1 - label_smoothing) * right + label_smoothing * wrong).sum()
