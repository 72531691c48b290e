"""KTO: answers that are each wanted or not, without a partner."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tunesmith.objectives.answers import answer_logps
from tunesmith.objectives.preference import Preference

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets

    Metrics = dict[str, tuple[Tensor, float | Tensor]]


class KTO(Preference):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306).

    The KL term is the mean log-ratio of mismatched answers over all examples of a step, whatever
    its micro-batches. Which answer goes with which other prompt is drawn once, from the seed. Of
    pairs, each half counts as an example.
    """

    name: Literal["kto"] = "kto"
    measures: ClassVar[bool] = True
    needs_pairs: ClassVar[bool] = False
    needs_mismatched: ClassVar[bool] = True
    desirable_weight: float = Field(default=1.0, ge=0)
    """Weight of the loss of wanted answers. Times their number it should be 1 to 4/3 of that of
    the others."""
    undesirable_weight: float = Field(default=1.0, ge=0)
    """Weight of the loss of unwanted answers."""

    def measure(
        self, hidden: Tensor, head: nn.Linear, targets: Targets
    ) -> dict[str, tuple[Tensor, float]]:
        """The sum of log-ratios of mismatched answers."""
        ratios = self.logps(hidden, head, targets) - targets["reference_logps"]
        return {"kl": (ratios.sum(), float(len(ratios)))}

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """Sums over R examples; of P pairs, over the mean of both halves.

        Args:
            hidden: [N, D], the states that predict the answers' tokens.
            head: [V, D].
            targets: as :func:`answer_logps` takes them; ``reference_logps`` [R] float32,
                ``desirable`` [R] bool, ``kl`` [] and ``share`` [R], what each row counts.

        Returns:
            The loss, with ``reward_accuracy`` (examples whose reward has the right sign; none
            counts half), mean rewards and log-probabilities of both kinds, and ``kl``.
        """
        import torch

        from tunesmith.model.batch import LossSum

        answers = answer_logps(hidden, head, targets)
        policy, reference = answers.sums(), targets["reference_logps"]
        wanted, share = targets["desirable"], targets["share"]
        losses = kto_losses(policy, reference, wanted, targets["kl"], beta=self.beta)
        weights = torch.where(wanted, self.desirable_weight, self.undesirable_weight)
        total = (share * weights * losses).sum()
        if self.sft_weight:
            total = total - self.sft_weight * (share * wanted * answers.means()).sum()
        rewards = self.beta * (policy - reference).detach()
        metrics = _metrics(rewards, policy.detach(), wanted)
        kl = targets["kl"].clamp(min=0)
        return LossSum(total, {**metrics, "kl": (kl * len(rewards), len(rewards))})


def kto_losses(
    policy_logps: Tensor, reference_logps: Tensor, desirable: Tensor, kl: Tensor, *, beta: float
) -> Tensor:
    """1 - s(r - z) of a wanted answer, 1 - s(z - r) of another; r = beta log-ratio, z = beta kl.

    Args:
        policy_logps: [R] from the model being trained, in nats, summed over answer tokens.
        reference_logps: [R] from the model before its first update.
        desirable: [R] bool.
        kl: [], estimate of how far the policy has moved; below 0 it counts as 0; no gradient.
        beta: scale.

    Returns:
        [R] float32; 1/2 each where both models are the same.

    Source: Ethayarajh et al. 2024, eq. 7, arXiv:2402.01306.
    """
    import torch

    moved = beta * (policy_logps - reference_logps - kl.detach().clamp(min=0))
    return 1 - torch.where(desirable, moved, -moved).sigmoid()


def _metrics(rewards: Tensor, logps: Tensor, wanted: Tensor) -> Metrics:
    import torch

    signed = torch.where(wanted, rewards, -rewards)
    right = (signed > 0).sum() + 0.5 * (signed == 0).sum()
    metrics: Metrics = {"reward_accuracy": (right, float(len(wanted)))}
    for kind, rows in (("chosen", wanted), ("rejected", ~wanted)):
        metrics[f"reward_{kind}"] = ((rewards * rows).sum(), rows.sum())
        metrics[f"logps_{kind}"] = ((logps * rows).sum(), rows.sum())
    return metrics
