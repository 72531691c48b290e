"""TaskModel: backbone, output head and objective as one module whose forward is the loss."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from tunesmith.model.batch import Batch, LossSum, Targets
from tunesmith.model.head import output_head


class HiddenLoss(Protocol):
    """What a TaskModel needs of an objective."""

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """The loss of hidden states [N, D] under a head against targets."""
        ...


class TaskModel(nn.Module):
    """The one root module that is trained.

    The head is applied only to rows that carry a target; there is never a [B, T, V] tensor.
    """

    def __init__(self, model: Any, objective: HiddenLoss) -> None:
        """Takes a transformers model apart.

        Args:
            model: the model; stays whole, so that it can be saved and can generate.
            objective: turns hidden states and targets into a loss sum.
        """
        super().__init__()
        self.model = model
        self.objective = objective

    @property
    def backbone(self) -> nn.Module:
        """The layers below the output head."""
        return self.model.base_model

    @property
    def head(self) -> nn.Linear:
        """The output head, [V, D] or a task's own."""
        return output_head(self.model)

    def states(self, batch: Batch) -> Tensor:
        """Hidden states under the head at the batch's target rows, [N, D].

        Rows are padded on the right and attention is causal, so no token of text ever sees
        padding, and no mask is needed.
        """
        hidden = self.backbone(input_ids=batch.input_ids, use_cache=False).last_hidden_state
        return hidden.flatten(0, 1).index_select(0, batch.target_rows)

    def forward(self, batch: Batch) -> LossSum:
        """Computes the loss summed over the batch's targets."""
        return self.objective.loss_sum(self.states(batch), self.head, batch.targets)
