"""Full: every weight is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from tunesmith.methods.method import BaseIdentity, Method

if TYPE_CHECKING:
    from torch import nn


class Full(Method):
    """Trains all weights; needs the most memory and the lowest rate."""

    name: Literal["full"] = "full"
    default_lr: ClassVar[float] = 2e-5
    saves_adapter: ClassVar[bool] = False

    def apply(self, model: nn.Module) -> None:
        """Every weight requires gradients, held in float32 so that small updates are not lost."""
        model.float().requires_grad_(True)

    def save(self, model: nn.Module, folder: Path, base: BaseIdentity) -> None:
        """Writes config.json and safetensors, as transformers reads them."""
        from tunesmith.model.save import save_weights

        save_weights(model, folder)
