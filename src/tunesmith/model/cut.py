"""Cut: where the first trained weight lies, so that what is below gives the same states always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Cut:
    """A frozen part of a model, as far up as it goes.

    Attributes:
        layer: the first layer that something trained lies in; the number of layers where only the
            norm above them trains; None where all below the head is frozen.
        n_layers: how many the model has.
        n_frozen: matrix weights in the layers below.
    """

    layer: int | None
    n_layers: int
    n_frozen: int

    @property
    def n_layers_below(self) -> int:
        """Layers that are frozen from the first one on."""
        return self.n_layers if self.layer is None else self.layer


def find_cut(model: Any) -> Cut | str:
    """Finds the frozen layers whose states are the same in every pass.

    Args:
        model: a transformers model whose trained weights require gradients.

    Returns:
        The cut; or why there is none, as a clause.
    """
    backbone = model.base_model
    layers = getattr(backbone, "layers", None)
    embeddings, norm = model.get_input_embeddings(), getattr(backbone, "norm", None)
    if layers is None or norm is None:
        return f"the layers of {type(model).__name__} are not known"
    if trains(embeddings):
        return "the embeddings train"
    n_layers = len(layers)
    layer = next((i for i, each in enumerate(layers) if trains(each)), n_layers)
    if layer == 0:
        return "the first layer trains"
    below = list(layers[:layer])
    if embeddings._forward_hooks:
        return "the embeddings have noise"
    if getattr(model.config, "attention_dropout", 0) or any(_drops(each) for each in below):
        return "frozen layers have dropout"
    n_frozen = sum(p.numel() for each in below for p in each.parameters() if p.ndim > 1)
    is_whole = layer == n_layers and not trains(norm)
    return Cut(None if is_whole else layer, n_layers, n_frozen)


def trains(module: nn.Module) -> bool:
    """Whether any weight of a module is trained."""
    return any(parameter.requires_grad for parameter in module.parameters())


def _drops(layer: nn.Module) -> bool:
    return any(isinstance(part, nn.Dropout) and part.p > 0 for part in layer.modules())
