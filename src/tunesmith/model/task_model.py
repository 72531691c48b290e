"""TaskModel: backbone, output head and objective as one module whose forward is the loss."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from tunesmith.core.errors import ModelError
from tunesmith.model.batch import Batch, LossSum, Targets
from tunesmith.model.below import Below
from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.head import output_head
from tunesmith.model.packed import kept_apart
from tunesmith.model.trunk import Trunk


class HiddenLoss(Protocol):
    """What a TaskModel needs of an objective."""

    measures: ClassVar[bool]
    is_likelihood: ClassVar[bool]

    def loss_sum(self, hidden: Tensor, head: nn.Linear, targets: Targets) -> LossSum:
        """The loss of hidden states [N, D] under a head against targets."""
        ...

    def measure(
        self, hidden: Tensor, head: nn.Linear, targets: Targets
    ) -> dict[str, tuple[Tensor, float]]:
        """What a batch adds to the figures that the loss of its step needs."""
        ...


class TaskModel(nn.Module):
    """The one root module that is trained.

    The head is applied only to rows that carry a target; there is never a [B, T, V] tensor.
    """

    trunk: Trunk | None

    def __init__(self, model: Any, objective: HiddenLoss, *, fused: bool = True) -> None:
        """Takes a transformers model apart.

        Args:
            model: the model; stays whole, so that it can be saved and can generate.
            objective: turns hidden states and targets into a loss sum.
            fused: whether states come from the trunk, where it knows the model's build; else from
                transformers' forward.
        """
        super().__init__()
        self.model = model
        self.objective = objective
        self.trunk, self.unfused_because = None, "train.fused=false"
        self.beyond_trunk = ""
        """Which batches the trunk does not take, in words; empty: it takes all."""
        if fused:
            try:
                self.trunk, self.unfused_because = Trunk.over(model), None
            except ModelError as error:
                self.unfused_because = str(error)
        self._casts = FusedLayers() if self.trunk is None else self.trunk.weights

    @property
    def way(self) -> str:
        """Which way states are computed: ``fused``, ``transformers`` with the reason, or both."""
        if self.unfused_because is not None:
            return f"transformers ({self.unfused_because})"
        return f"fused, but transformers for {self.beyond_trunk}" if self.beyond_trunk else "fused"

    @property
    def backbone(self) -> nn.Module:
        """The layers below the output head."""
        return self.model.base_model

    @property
    def head(self) -> nn.Linear:
        """The output head, [V, D] or a task's own; a frozen one in the type of the products."""
        return self._casts.cast_head(output_head(self.model))

    def states(self, batch: Batch) -> Tensor:
        """Hidden states under the head at the batch's target rows, [N, D].

        Rows are padded on the right and attention is causal, so no token of text ever sees
        padding, and no mask is needed. Packed rows are kept apart by where they begin.
        """
        if batch.below is not None:
            return self._above(batch, batch.below)
        if self.trunk is not None and self.trunk.takes(batch):
            return self.trunk.states(batch)
        hidden = self.backbone(
            input_ids=batch.input_ids, use_cache=False, **kept_apart(batch)
        ).last_hidden_state
        return hidden.flatten(0, 1).index_select(0, batch.target_rows)

    def _above(self, batch: Batch, below: Below) -> Tensor:
        """The same of states that are known below a layer."""
        if below.layer is None:
            return below.states
        assert self.trunk is not None
        return self.trunk.finish(below.states, batch, below.layer)

    @property
    def measures(self) -> bool:
        """Whether the loss needs figures of the whole step first."""
        return self.objective.measures

    @property
    def is_likelihood(self) -> bool:
        """Whether the mean loss is that of a token, so that it has a perplexity."""
        return self.objective.is_likelihood

    def forward(self, batch: Batch, *, measure: bool = False) -> LossSum:
        """Computes the loss summed over the batch's targets.

        Args:
            batch: rows and targets.
            measure: computes no loss, but as its metrics what the batch adds to the figures of
                its step: from the rows beside it where it has some, else from its own.
        """
        if measure:
            rows = batch.beside or batch
            sums = self.objective.measure(self.states(rows), self.head, rows.targets)
            return LossSum(torch.zeros(()), {**sums})
        return self.objective.loss_sum(self.states(batch), self.head, batch.targets)
