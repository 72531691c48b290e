"""Answers: log-probabilities of whole answers, from the states that predict their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import Targets


@dataclass(frozen=True, slots=True)
class AnswerLogps:
    """Log-probabilities of R answers under one model, in nats.

    Attributes:
        tokens: [R, L] float32, of every token of each answer, 0 behind its end.
        lengths: [R] int64, tokens of each answer.
    """

    tokens: Tensor
    lengths: Tensor

    def sums(self) -> Tensor:
        """Log-probability of each answer, [R]."""
        return self.tokens.sum(1)

    def means(self) -> Tensor:
        """The same per token, [R]."""
        return self.tokens.sum(1) / self.lengths

    def discounted(self, alpha: float) -> Tensor:
        """Sums in which tokens beyond the length that both answers of a pair have count less.

        Args:
            alpha: weight of those tokens, in [0, 1]; 1 gives :meth:`sums`.

        Returns:
            [R]; rows 2i and 2i + 1 are a pair.

        Source: Liu et al. 2024 (LD-DPO), section 3, arXiv:2409.06411.
        """
        import torch

        if alpha == 1:
            return self.sums()
        shared = self.lengths.view(-1, 2).amin(1).repeat_interleave(2)  # [R]
        places = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return torch.where(places < shared[:, None], self.tokens, alpha * self.tokens).sum(1)


def answer_logps(hidden: Tensor, head: nn.Linear, targets: Targets) -> AnswerLogps:
    """Log-probabilities of the answers of a batch.

    Args:
        hidden: [N, D] states under the head.
        head: [V, D].
        targets: ``labels`` [N] int64, the tokens; ``answers`` [R, L] int64, which of them each
            answer is made of, in order, filled up with N; ``lengths`` [R] int64.
    """
    import torch

    from tunesmith.model.logps import linear_logps

    logps = linear_logps(hidden, head.weight, targets["labels"])  # [N]
    # Added along rows: index_add has no fixed order on a GPU, so a resume would not be exact.
    tokens = torch.cat([logps, logps.new_zeros(1)])[targets["answers"]]  # [R, L]
    return AnswerLogps(tokens, targets["lengths"])
