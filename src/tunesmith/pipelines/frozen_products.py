"""Frozen products: whether a recipe's may be in eight bits, and what that does to the loss."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import RecipeError
from tunesmith.methods.lora import LoRA
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tunesmith.model.fused_layers import FusedLayers
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.loop import Trainer

FIELD = "train.frozen_products=int8"


@dataclass(frozen=True)
class Rounding:
    """What rounding does to the first micro-batch of a run, dropout and noise left out.

    Attributes:
        loss_exact: per target, with the weights as they are.
        loss: per target, in eight bits.
        gradient_difference: length of the difference of both gradients, by that of the exact one;
            None: that is 0.
        n_weights: that are held in eight bits too.
        mb: what that takes.
    """

    loss_exact: float
    loss: float
    gradient_difference: float | None
    n_weights: int
    mb: float

    @property
    def told(self) -> str:
        """In a line."""
        gradient = self.gradient_difference
        rest = "" if gradient is None else f", and the gradient by {gradient:.1%} of its length"
        return (
            f"{FIELD}: the loss of the first micro-batch is {self.loss:.5f}, exactly "
            f"{self.loss_exact:.5f}: it differs by {self.loss - self.loss_exact:+.1e}{rest}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "loss_difference": self.loss - self.loss_exact}


def require_roundable(recipe: Recipe) -> None:
    """Checks what a recipe tells of itself; needs no torch.

    Raises:
        RecipeError: its products cannot be in eight bits.
    """
    method = recipe.method
    if recipe.train.frozen_products == "exact":
        return
    if type(method) is not LoRA:
        refuse_rounding(
            f"method {method.name!r} has no frozen weights to round beside it; lora has"
        )
    elif method.dora:
        refuse_rounding("method.dora needs the lengths of exact weights")
    elif not recipe.train.fused:
        refuse_rounding("it is the fused trunk's, and train.fused=false")
    elif recipe.loss.needs_reference:
        refuse_rounding(
            f"objective {recipe.loss.name!r} compares with exact log-probabilities, and rounding "
            "would count as learnt"
        )


def round_products(recipe: Recipe, model: TaskModel, device: torch.device) -> None:
    """Has a model's frozen products in training made in eight bits, where the recipe says so.

    Raises:
        RecipeError: device or model do not allow it.
    """
    if recipe.train.frozen_products == "exact":
        return
    if device.type != "cpu":
        refuse_rounding(f"it is for processors, and this runs on {device.type}")
    if not adds_up_exactly():
        refuse_rounding("this processor's products of eight bits do not add up exactly")
    if model.trunk is None:
        refuse_rounding(f"it is the fused trunk's, and the forward here is that of {model.way}")
    else:
        model.trunk.weights.rounds = "in training"


def adds_up_exactly() -> bool:
    """Whether products of eight-bit integers are exact here.

    Processors without instructions for them may add in 16 bits, which the largest numbers overflow.
    """
    import torch

    most = torch.full((32, 256), 127, dtype=torch.int8)
    found = torch._int_mm(most, most.t())  # pyright: ignore[reportPrivateImportUsage]
    return bool((found == 127 * 127 * 256).all())


def rounding_of(trainer: Trainer) -> Rounding | None:
    """What rounding does to the first micro-batch; None: nothing is rounded.

    Draws no random numbers, leaves no gradients and counts no tokens. Where memory runs out the
    micro-batches are halved, as in training.
    """
    model: Any = trainer.model
    weights = None if model.trunk is None else model.trunk.weights
    if weights is None or weights.rounds == "never":
        return None
    was_training = model.training
    lengths = trainer.steps.lengths[trainer.first_micro_batch()]
    model.eval()
    try:
        return trainer.portion.run(
            trainer.batching.size(lengths),
            lambda most: _compared(trainer, weights, trainer.first_micro_batch(most)),
            lambda: _forget_gradients(trainer),
            least=trainer.batching.least(lengths),
        )
    finally:
        weights.rounds = "in training"
        model.train(was_training)


def _compared(trainer: Trainer, weights: FusedLayers, rows: list[int]) -> Rounding:
    """Some rows with weights as they are, and rounded."""
    weights.rounds = "never"
    exact, exact_gradient = _loss_and_gradient(trainer, rows)
    weights.rounds = "always"
    loss, gradient = _loss_and_gradient(trainer, rows)
    length = math.sqrt(sum(float(g.square().sum()) for g in exact_gradient))
    apart = math.sqrt(
        sum(float((a - b).square().sum()) for a, b in zip(gradient, exact_gradient, strict=True))
    )
    return Rounding(
        exact, loss, apart / length if length else None, weights.n_rounded, weights.rounded_mb
    )


def _loss_and_gradient(trainer: Trainer, rows: list[int]) -> tuple[float, list[Tensor]]:
    """Loss per target of some rows, and its gradients."""
    (batch,) = trainer.passes.batches(trainer.train_rows, [rows])
    loss = trainer.passes.forward(batch)
    loss.total.backward()
    found = [p.grad for p in trainer.parameters.values() if p.grad is not None]
    _forget_gradients(trainer)
    return float(loss.total.detach()) / batch.n_targets, found


def _forget_gradients(trainer: Trainer) -> None:
    for parameter in trainer.parameters.values():
        parameter.grad = None


def refuse_rounding(why: str) -> None:
    """Ends a run whose products are to be rounded and cannot be.

    Raises:
        RecipeError: always.
    """
    raise RecipeError(f"{FIELD}: {why}. Take it away, or set train.frozen_products=exact.")
