"""Classes: cross-entropy of one class, of several, or squared error of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tunesmith.objectives.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunesmith.model.batch import LossSum, Targets


class Classes(Objective):
    """What transformers minimises for a classification: which it is, the targets say."""

    name: Literal["classes"] = "classes"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over all classes; where one class is right, only
    (Szegedy et al. 2016, arXiv:1512.00567)."""

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """Sums over B rows; the metric ``accuracy`` counts rows whose classes are all right.

        Args:
            hidden: [B, D], the state of the last token.
            head: [K, D].
            targets: ``classes`` [B] int64 and, where not all weigh 1, ``weights`` [B]: the negative
                log-likelihood of the class. ``flags`` [B, K]: the mean over K of the binary
                cross-entropies. ``numbers`` [B]: the squared error.
        """
        from torch.nn import functional as f

        from tunesmith.model.batch import LossSum

        logits = head(hidden).float()  # [B, K]
        if "numbers" in targets:
            return LossSum((logits[:, 0] - targets["numbers"]).square().sum())
        if "flags" in targets:
            flags = targets["flags"]
            losses = f.binary_cross_entropy_with_logits(logits, flags, reduction="none")
            right = ((logits.detach() >= 0) == (flags > 0)).all(1)
            return LossSum(losses.mean(1).sum(), {"accuracy": (right.sum(), len(right))})
        classes, weights = targets["classes"], targets.get("weights")
        losses = f.cross_entropy(
            logits, classes, reduction="none", label_smoothing=self.label_smoothing
        )
        right = logits.detach().argmax(1) == classes
        total = (losses if weights is None else losses * weights).sum()
        return LossSum(total, {"accuracy": (right.sum(), len(right))})
