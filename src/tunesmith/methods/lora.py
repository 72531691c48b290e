"""LoRA: low-rank updates beside frozen weights, saved in PEFT's adapter format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tunesmith.core.errors import RecipeError, did_you_mean
from tunesmith.methods.method import BaseIdentity, Method

if TYPE_CHECKING:
    from torch import nn

    from tunesmith.model.shape import Shape


class LoRA(Method):
    """Trains low-rank updates beside frozen weights (Hu et al. 2021, arXiv:2106.09685)."""

    name: Literal["lora"] = "lora"
    rank: int = Field(default=16, gt=0)
    """Rank r of each update; adapter memory grows linearly with it."""
    alpha: float | None = Field(default=None, gt=0)
    """The update is scaled by alpha / rank; None: twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability of zeroing an adapter input, training only."""
    targets: list[str] | Literal["all-linear"] = "all-linear"
    """Last part of the names of the layers that get an update; ``all-linear``: every linear layer
    but the output head."""
    default_lr: ClassVar[float] = 2e-4
    saves_adapter: ClassVar[bool] = True

    @property
    def scaled_alpha(self) -> float:
        """Alpha, derived from the rank where it is not set."""
        return 2.0 * self.rank if self.alpha is None else self.alpha

    def n_trained(self, shape: Shape) -> int:
        """Rank times the sum of both widths, for every target layer."""
        per_block = sum(
            self.rank * (n_in + n_out)
            for name, (n_in, n_out) in shape.linears.items()
            if self.targets == "all-linear" or name in self.targets
        )
        return shape.n_layers * per_block

    def apply(self, causal_lm: nn.Module) -> None:
        """Freezes the model and wraps its target layers.

        Raises:
            RecipeError: no layer has one of the names in ``targets``.
        """
        from tunesmith.model.lora_linear import LoRALinear

        causal_lm.requires_grad_(False)
        for name in self.target_names(causal_lm):
            parent = causal_lm.get_submodule(name.rpartition(".")[0])
            leaf = name.rpartition(".")[2]
            layer = LoRALinear(getattr(parent, leaf), self.rank, self.scaled_alpha, self.dropout)
            setattr(parent, leaf, layer)

    def target_names(self, causal_lm: nn.Module) -> list[str]:
        """Full names of the layers that get an update."""
        from torch import nn

        head = causal_lm.get_output_embeddings()  # type: ignore[operator]
        linears = [
            name
            for name, module in causal_lm.named_modules()
            if isinstance(module, nn.Linear) and module is not head
        ]
        if self.targets == "all-linear":
            return linears
        known = {name.rpartition(".")[2] for name in linears}
        for target in self.targets:
            if target not in known:
                raise RecipeError(
                    f"method.targets: no linear layer named {target!r}. "
                    f"{did_you_mean(target, known)}"
                )
        return [name for name in linears if name.rpartition(".")[2] in self.targets]

    def save(self, causal_lm: nn.Module, folder: Path, base: BaseIdentity) -> None:
        """Writes adapter_config.json and adapter_model.safetensors."""
        from tunesmith.model.adapter import save_adapter

        save_adapter(
            causal_lm,
            folder,
            base_path=base.path,
            base_revision=base.revision,
            rank=self.rank,
            alpha=self.scaled_alpha,
            dropout=self.dropout,
        )
