"""TaskModel: backbone, output head and objective as one module whose forward is the loss."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from tunesmith.model.batch import Batch, LossSum


class HiddenLoss(Protocol):
    """What a TaskModel needs of an objective."""

    def loss_sum(
        self, hidden: Tensor, head: nn.Linear, labels: Tensor, weights: Tensor | None
    ) -> LossSum:
        """The loss of hidden states [N, D] under a head [V, D] against labels [N], weighted."""
        ...


class TaskModel(nn.Module):
    """The one root module that is trained.

    The head is applied only to rows that carry a target; there is never a [B, T, V] tensor.
    """

    def __init__(self, causal_lm: Any, objective: HiddenLoss) -> None:
        """Takes a transformers causal language model apart.

        Args:
            causal_lm: the model; stays whole, so that it can be saved and can generate.
            objective: turns hidden states and labels into a loss sum.
        """
        super().__init__()
        self.causal_lm = causal_lm
        self.objective = objective

    @property
    def backbone(self) -> nn.Module:
        """The layers below the output head."""
        return self.causal_lm.base_model

    @property
    def head(self) -> nn.Linear:
        """The output head, [V, D]."""
        return self.causal_lm.get_output_embeddings()

    def forward(self, batch: Batch) -> LossSum:
        """Computes the loss summed over the batch's targets.

        Rows are padded on the right and attention is causal, so no token of text ever sees
        padding, and no mask is needed.
        """
        hidden = self.backbone(input_ids=batch.input_ids, use_cache=False).last_hidden_state
        targets = hidden.flatten(0, 1).index_select(0, batch.target_rows)  # [N, D]
        labels = batch.labels.flatten().index_select(0, batch.target_rows)  # [N]
        return self.objective.loss_sum(targets, self.head, labels, batch.weights)
