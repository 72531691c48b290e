"""LoRA: low-rank updates beside frozen weights, saved in PEFT's adapter format."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field

from tunesmith.core.errors import RecipeError
from tunesmith.methods.method import BaseIdentity, Method
from tunesmith.methods.names import named
from tunesmith.model.head import own_heads
from tunesmith.model.patterns import pattern_value

if TYPE_CHECKING:
    from torch import nn

    from tunesmith.model.adapter_config import AdapterMethod
    from tunesmith.model.lora_linear import LoRALinear
    from tunesmith.model.shape import Shape

Patterns = TypeVar("Patterns", dict[str, int], dict[str, float])
BLOCKS = "layers."
"""In the full name of everything inside a block."""


def _are_patterns(patterns: Patterns) -> Patterns:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no pattern: {error}.") from None
    return patterns


class LoRA(Method):
    """Trains low-rank updates beside frozen weights (Hu et al. 2021, arXiv:2106.09685)."""

    name: Literal["lora"] = "lora"
    rank: int = Field(default=16, gt=0)
    """Rank r of each update; adapter memory grows linearly with it."""
    alpha: float | None = Field(default=None, gt=0)
    """The update is scaled by alpha / rank; None: twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability of zeroing an adapter input, training only."""
    shared_dropout: bool = False
    """Whether layers that read the same input zero the same of it, as queries, keys and values do,
    or gate and up; false: each zeroes its own, as PEFT has it."""
    targets: list[str] | Literal["all-linear"] = "all-linear"
    """Last part of the names of the layers that get an update; ``all-linear``: every linear layer
    but the output head."""
    rslora: bool = False
    """Scale by alpha / sqrt(rank), which keeps large ranks learning (arXiv:2312.03732)."""
    dora: bool = False
    """Train the length of every row of a weight apart from its direction (arXiv:2402.09353)."""
    init: Literal["zero", "pissa"] = "zero"
    """``zero``: B starts at zero. ``pissa``: A and B start as the principal part of the weight
    (arXiv:2404.02948); saved as an ordinary adapter of twice the rank."""
    init_iterations: int = Field(default=16, ge=-1)
    """Of the fast decomposition for ``pissa``; -1: the exact one, slow for large layers."""
    lr_ratio: float | None = Field(default=None, gt=0)
    """Rate of B and of vectors over the rate of A (LoRA+, arXiv:2402.12354: 16); None: 1."""
    rank_pattern: Annotated[
        dict[str, Annotated[int, Field(gt=0)]], AfterValidator(_are_patterns)
    ] = Field(default_factory=dict)
    """Another rank for layers whose name ends with a pattern: ``{"layers.0.*q_proj": 4}``; the
    first that fits counts."""
    alpha_pattern: Annotated[
        dict[str, Annotated[float, Field(gt=0)]], AfterValidator(_are_patterns)
    ] = Field(default_factory=dict)
    """Another alpha in the same way."""
    extra_modules: list[str] = Field(default_factory=list)
    """Modules that are trained whole beside the updates and saved with them: ``lm_head``,
    ``embed_tokens``. A head that shares the embeddings' weight gets one of its own."""
    default_lr: ClassVar[float] = 2e-4
    saves_adapter: ClassVar[bool] = True

    @property
    def scaled_alpha(self) -> float:
        """Alpha, derived from the rank where it is not set."""
        return 2.0 * self.rank if self.alpha is None else self.alpha

    @property
    def adapter_method(self) -> AdapterMethod:
        """What is the same for all layers."""
        from tunesmith.model.adapter_config import AdapterMethod

        return AdapterMethod(self.dropout, self.rslora, self.dora)

    def rank_of(self, name: str) -> int:
        """The rank of the layer with that full name."""
        return int(pattern_value(self.rank_pattern, name, self.rank))

    def alpha_of(self, name: str) -> float:
        """The alpha of the layer with that full name, whichever rank it has."""
        return pattern_value(self.alpha_pattern, name, self.scaled_alpha)

    def n_trained(self, shape: Shape) -> int:
        """Rank times the sum of both widths for every target layer, lengths and whole modules."""
        modules = shape.modules
        extra = self.extra_names(list(modules))
        inside = [name for name, size in modules.items() if len(size) == 2 and BLOCKS in name]
        updates = sum(
            self.rank_of(name) * sum(modules[name]) + (modules[name][0] if self.dora else 0)
            for name in self.target_names(inside, extra)
        )
        return updates + sum(math.prod(modules[name]) for name in extra) + shape.n_head_biases

    @property
    def update_rank(self) -> int:
        """The rank, but for layers with one of their own."""
        return self.rank

    @property
    def drops(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def trains_head(self, shape: Shape) -> bool:
        """A task's own head trains; that over the vocabulary where it is named."""
        named_too = any(name.endswith("lm_head") for name in self.extra_modules)
        return shape.head is not None or named_too

    def n_widened(self, shape: Shape) -> int:
        """None: frozen weights keep their type."""
        return 0

    def lr_factor(self, name: str, parameter: nn.Parameter) -> float:
        """``lr_ratio`` for B and for vectors, as in PEFT's optimizer for LoRA+; else 1."""
        is_faster = "lora_B" in name or parameter.ndim == 1
        return self.lr_ratio if is_faster and self.lr_ratio is not None else 1.0

    def apply(self, model: nn.Module) -> None:
        """Freezes the model, wraps its target layers and copies the extra modules.

        Raises:
            RecipeError: no layer has one of the names in ``targets`` or ``extra_modules``.
        """
        from torch import nn

        from tunesmith.model.fused.dropout import Masks
        from tunesmith.model.head import output_head
        from tunesmith.model.lora_linear import LoRALinear
        from tunesmith.model.quantised import is_quantised
        from tunesmith.model.trained_copy import TrainedCopy

        model.requires_grad_(False)
        modules = dict(model.named_modules())
        head = output_head(model)
        linears = [n for n, m in modules.items() if isinstance(m, nn.Linear) and m is not head]
        holders = [n for n, m in modules.items() if any(True for _ in m.parameters(recurse=False))]
        extra = self.extra_names(holders)
        masks = Masks() if self.shared_dropout else None
        for name in self.target_names(linears, extra):
            rank, base = self.rank_of(name), modules[name]
            assert isinstance(base, nn.Linear)
            layer = LoRALinear(
                base,
                rank=rank,
                scale=self.adapter_method.scale(rank, self.alpha_of(name)),
                dropout=self.dropout,
                dora=self.dora,
                masks=masks,
            )
            self._start(layer, name)
            model.set_submodule(name, layer)
        for name in extra:
            module = modules[name]
            if isinstance(module, nn.Linear) and is_quantised(module):
                raise RecipeError(
                    f"method.extra_modules: {name!r} is quantised and cannot be trained whole. "
                    "Leave it out, or set method=lora."
                )
            model.set_submodule(name, TrainedCopy(module))

    def _start(self, layer: LoRALinear, name: str) -> None:
        from tunesmith.model.pissa import start_principal

        if self.init == "pissa":
            start_principal(layer, self.init_iterations, name)

    def target_names(self, linears: Sequence[str], extra: Sequence[str]) -> list[str]:
        """Full names of the layers that get an update, of all linear ones but the output head.

        Raises:
            RecipeError: no layer has one of the names, or it is trained whole too.
        """
        if self.targets == "all-linear":
            return [name for name in linears if name not in extra]
        found = named(linears, self.targets, "method.targets", "linear layer")
        if both := sorted(set(found) & set(extra)):
            raise RecipeError(
                f"method.extra_modules: {both[0]!r} is in method.targets too. Keep it in one."
            )
        return found

    def extra_names(self, modules: Sequence[str]) -> list[str]:
        """Full names of the modules that are trained whole, of all with weights of their own.

        A task's own head is one of them: it starts fresh.
        """
        wanted = [*self.extra_modules, *own_heads(modules)]
        return named(modules, wanted, "method.extra_modules")

    def save(self, model: nn.Module, folder: Path, base: BaseIdentity) -> None:
        """Writes adapter_config.json and adapter_model.safetensors."""
        from tunesmith.model.adapter import save_adapter

        save_adapter(
            model,
            folder,
            base_path=base.path,
            base_revision=base.revision,
            method=self.adapter_method,
        )
