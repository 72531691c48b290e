"""Spans: cross-entropy of where an answer begins and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tunesmith.objectives.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets


class Spans(Objective):
    """Mean negative log-likelihood of an answer's first and last token among those of its window.

    Devlin et al. 2018, section 4.2, arXiv:1810.04805.
    """

    name: Literal["spans"] = "spans"

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """Sums over B windows.

        The softmax runs over every token of a window, the question's too, and over no padding;
        ``LlamaForQuestionAnswering`` gives the same for one window, and takes padding in where
        several are padded. The metrics ``start_accuracy``, ``end_accuracy`` and ``span_accuracy``
        (both) count windows.

        Args:
            hidden: [N, D], of all tokens of all windows.
            head: [2, D], of start and end.
            targets: ``places`` [B, T] int64 in [0, N], N being padding; ``starts`` and ``ends``
                [B] int64.
        """
        import torch
        from torch.nn import functional

        from tunesmith.model.batch import LossSum

        logits = head(hidden).float()  # [N, 2]
        padding = logits.new_full((1, 2), -torch.inf)
        padded = torch.cat([logits, padding])[targets["places"]]  # [B, T, 2]
        goals = torch.stack([targets["starts"], targets["ends"]], 1)  # [B, 2]
        # Cross-entropy wants the classes, here the tokens, in the second place.
        total = functional.cross_entropy(padded, goals, reduction="sum") / 2
        is_right = padded.detach().argmax(1) == goals  # [B, 2]
        n = len(goals)
        return LossSum(
            total,
            {
                "start_accuracy": (is_right[:, 0].sum(), n),
                "end_accuracy": (is_right[:, 1].sum(), n),
                "span_accuracy": (is_right.all(1).sum(), n),
            },
        )
