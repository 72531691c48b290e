"""Preference: what all objectives that judge whole answers share.

An answer's reward is what its log-probability says of it: ``beta`` times how much likelier it is
than under the reference model, or where there is none, ``beta`` times its mean per token.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tunesmith.objectives.answers import AnswerLogps, answer_logps
from tunesmith.objectives.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets

    Metrics = dict[str, tuple[Tensor, float | Tensor]]


class Preference(Objective):
    """One that judges the log-probabilities of answers."""

    needs_reference: ClassVar[bool] = True
    needs_pairs: ClassVar[bool] = True
    # A fortieth of the rate that imitates: lora 5e-6, full 5e-7 (arXiv:2305.18290).
    lr_share: ClassVar[float] = 1 / 40
    beta: float = Field(default=0.1, gt=0)
    """Weight of staying close to the reference, usually 0.01 to 0.5."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Weight of the wanted answer's mean negative log-likelihood per token beside the loss
    (arXiv:2404.19733); 0: none."""

    def logps(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> Tensor:
        """Log-probability of each answer, [R], as a loss compares it with the reference's."""
        return self.weighed(answer_logps(hidden, head, targets))

    def weighed(self, answers: AnswerLogps) -> Tensor:
        """One number for each answer, [R]."""
        return answers.sums()

    def rewards(self, policy: Tensor, reference: Tensor, lengths: Tensor) -> Tensor:
        """What answers are worth, [R], from the weighed log-probabilities of both models, [R]."""
        compared = policy - reference if self.needs_reference else policy / lengths
        return self.beta * compared


class Pairwise(Preference):
    """One that compares two answers to a prompt: row 2i is the better, row 2i + 1 the worse."""

    length_alpha: float = Field(default=1.0, ge=0, le=1)
    """Weight of an answer's tokens beyond the length of the shorter one of its pair: less than 1
    keeps answers from growing (LD-DPO, arXiv:2409.06411)."""

    def weighed(self, answers: AnswerLogps) -> Tensor:
        """One number for each answer, [2P]."""
        return answers.discounted(self.length_alpha)

    @abstractmethod
    def judged(self, answers: AnswerLogps, targets: Targets) -> tuple[Tensor, Tensor]:
        """The loss summed over P pairs, [], and the answers' rewards, [2P], detached."""

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """Sums over P pairs.

        Args:
            hidden: [N, D], the states that predict the answers' tokens.
            head: [V, D].
            targets: as :func:`answer_logps` takes them; ``reference_logps`` [2P] float32 where the
                objective needs them.

        Returns:
            The loss, with ``reward_accuracy`` (pairs whose better answer has the higher reward; a
            tie counts half), ``reward_margin``, and mean rewards and log-probabilities of both.
        """
        from tunesmith.model.batch import LossSum

        answers = answer_logps(hidden, head, targets)
        total, rewards = self.judged(answers, targets)
        if self.sft_weight:
            total = total - self.sft_weight * answers.means()[0::2].sum()
        return LossSum(total, pair_metrics(rewards, answers.sums().detach()))


class ReferencedPairwise(Pairwise):
    """One that compares the answers' log-probabilities with the reference model's."""

    bco_weight: float = Field(default=0.0, ge=0)
    """Weight w of judging each answer by itself too: (loss + w * bco) / (1 + w), as in MPO
    (arXiv:2411.10442); 0: none."""

    @abstractmethod
    def compared(
        self, policy: Tensor, reference: Tensor, answers: AnswerLogps, targets: Targets
    ) -> Tensor:
        """The loss of log-probabilities [2P] against the reference's, summed over pairs."""

    def judged(self, answers: AnswerLogps, targets: Targets) -> tuple[Tensor, Tensor]:
        """The loss summed over P pairs, [], and the answers' rewards, [2P]."""
        policy, reference = self.weighed(answers), targets["reference_logps"]
        total = self.compared(policy, reference, answers, targets)
        if self.bco_weight:
            bco = bco_loss(policy, reference, beta=self.beta)
            total = (total + self.bco_weight * bco) / (1 + self.bco_weight)
        return total, self.rewards(policy, reference, answers.lengths).detach()


def bco_loss(policy_logps: Tensor, reference_logps: Tensor, *, beta: float) -> Tensor:
    """Each answer judged by itself: -log s(r) of a better one, -log s(-r) of a worse one.

    Without the shift by a moving average of rewards, which would be state beside the weights.

    Args:
        policy_logps: [2P] from the model being trained; chosen and rejected in turn.
        reference_logps: [2P] from the model before its first update.
        beta: scale of the rewards r.

    Returns:
        The loss summed over P pairs, [] float32.

    Source: Jung et al. 2024 (BCO) with a shift of 0, arXiv:2404.04656.
    """
    import torch.nn.functional as F

    rewards = beta * (policy_logps - reference_logps)
    return -(F.logsigmoid(rewards[0::2]) + F.logsigmoid(-rewards[1::2])).sum()


def pair_metrics(rewards: Tensor, logps: Tensor) -> Metrics:
    """What is told of P pairs.

    Args:
        rewards: [2P], chosen and rejected in turn.
        logps: [2P], of whole answers.
    """
    chosen, rejected = rewards[0::2], rewards[1::2]
    right = (chosen > rejected).sum() + 0.5 * (chosen == rejected).sum()
    sums = {
        "reward_accuracy": right,
        "reward_margin": (chosen - rejected).sum(),
        "reward_chosen": chosen.sum(),
        "reward_rejected": rejected.sum(),
        "logps_chosen": logps[0::2].sum(),
        "logps_rejected": logps[1::2].sum(),
    }
    return {name: (value, float(len(chosen))) for name, value in sums.items()}
