"""TrainedCopy: a whole module trained beside a LoRA adapter; the base's own stays at hand."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


class TrainedCopy(nn.Module):
    """A module and the copy of it that trains in float32; computes in the module's type.

    A copied output head is apart from embeddings it was tied to.
    """

    def __init__(self, original: nn.Module) -> None:
        """Freezes a module and copies it."""
        super().__init__()
        self.trained = deepcopy(original).float().requires_grad_(True)
        self.original = original.requires_grad_(False)
        self.enabled = True

    @property
    def weight(self) -> Tensor:
        """The weight in use, in the type of the original's."""
        original: Any = self.original
        trained: Any = self.trained
        return trained.weight.to(original.weight.dtype) if self.enabled else original.weight

    def forward(self, x: Tensor) -> Tensor:
        """What the trained module gives, or the original where the adapter is off."""
        if not self.enabled:
            return self.original(x)
        types = {name: p.dtype for name, p in self.original.named_parameters()}
        cast = {name: p.to(types[name]) for name, p in self.trained.named_parameters()}
        return functional_call(self.trained, cast, (x,))


def trained_copies(model: nn.Module) -> Iterator[tuple[str, TrainedCopy]]:
    """Every module that is trained whole beside an adapter, with its name."""
    for name, module in model.named_modules():
        if isinstance(module, TrainedCopy):
            yield name, module
