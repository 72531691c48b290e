"""Freeze: the last or first blocks are trained, or named modules; the rest stays as it is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from tunesmith.core.errors import RecipeError, did_you_mean
from tunesmith.methods.method import BaseIdentity, Method
from tunesmith.methods.names import named
from tunesmith.model.head import own_heads

if TYPE_CHECKING:
    from torch import nn

    from tunesmith.model.shape import Shape

IN_BLOCK = re.compile(r"(?:.*\.)?layers\.(\d+)\.(.+)")
"""A module inside a block: the block's number, and the name within it."""


class Freeze(Method):
    """Trains some of the weights as they are and freezes the others; saves whole weights."""

    name: Literal["freeze"] = "freeze"
    layers: int = 2
    """Blocks that train: the last n; a negative number: the first n; 0: none, for a head alone."""
    modules: list[str] | Literal["all"] = "all"
    """What trains in these blocks: names or patterns such as ``mlp``, ``q_proj`` or ``.*_proj``."""
    extra_modules: list[str] = Field(default_factory=list)
    """Further modules, in or outside blocks: ``lm_head``, ``embed_tokens``, ``model.norm``. Where
    head and embeddings share one weight, naming one of them parts them; naming both does not. A
    task's own head trains without being named."""
    default_lr: ClassVar[float] = 2e-5
    saves_adapter: ClassVar[bool] = False

    def n_trained(self, shape: Shape) -> int:
        """The weights of the modules that train; a weight that two of them share counts once."""
        sizes = {name: math.prod(size) for name, size in shape.modules.items()}
        trained = self.trained_modules(list(sizes))
        shared = shape.tied and {"lm_head", "model.embed_tokens"} <= set(trained)
        once = sizes["lm_head"] if shared else 0
        return sum(sizes[name] for name in trained) - once + shape.n_head_biases

    def first_block(self, shape: Shape) -> int:
        """The lowest block that trains; the number of blocks where only what is above does."""
        blocks = {name: IN_BLOCK.fullmatch(name) for name in self.trained_modules([*shape.modules])}
        return min(
            int(found[1]) if found else 0 if "embed_tokens" in name else shape.n_layers
            for name, found in blocks.items()
        )

    def trains_head(self, shape: Shape) -> bool:
        """A task's own head trains; that over the vocabulary where it is named."""
        return shape.head is not None or "lm_head" in self.trained_modules([*shape.modules])

    def n_widened(self, shape: Shape) -> int:
        """All from the first block that trains upwards."""
        of_block = shape.n_linear_parameters // shape.n_layers + 2 * shape.width
        below = shape.vocabulary * shape.width + self.first_block(shape) * of_block
        return shape.n_parameters - below

    def trained_modules(self, names: Sequence[str]) -> list[str]:
        """The modules that train, in the model's order.

        Args:
            names: full names of all modules with weights of their own.

        Raises:
            RecipeError: the model has fewer blocks, or nothing of a name.
        """
        blocks = {name: found for name in names if (found := IN_BLOCK.fullmatch(name))}
        n_blocks = 1 + max((int(found[1]) for found in blocks.values()), default=-1)
        if abs(self.layers) > n_blocks:
            raise RecipeError(
                f"method.layers: {self.layers}, and the model has {n_blocks} blocks. Set "
                f"method.layers to {n_blocks} or less."
            )
        first = n_blocks - self.layers if self.layers > 0 else 0
        chosen = range(first, first + abs(self.layers))
        patterns = [".*"] if self.modules == "all" else self.modules
        inside = {name: f[2] for name, f in blocks.items() if int(f[1]) in chosen}
        trained = set(named(names, self.extra_modules, "method.extra_modules"))
        trained |= set(own_heads(names))
        for pattern in patterns if inside else []:
            trained |= _fitting(inside, pattern)
        if not trained:
            raise RecipeError(
                "method: trains nothing. Set method.layers, or method.extra_modules=[lm_head]."
            )
        return [name for name in names if name in trained]

    def apply(self, model: nn.Module) -> None:
        """Freezes the model but for the chosen modules; changes in place.

        Everything from the first block that trains upwards is held in float32, so that small
        updates are not lost; what lies below keeps its type and leaves nothing for the backward
        pass.

        Raises:
            RecipeError: a name or a number of blocks does not fit the model.
        """
        model.requires_grad_(False)
        modules = {
            name: module
            for name, module in model.named_modules()
            if next(module.parameters(recurse=False), None) is not None
        }
        trained = self.trained_modules(list(modules))
        _part_head(model, {id(modules[name]) for name in trained})
        block = IN_BLOCK.fullmatch(trained[0])
        start = trained[0] if block is None else trained[0].removesuffix(block[2])
        first = next(place for place, name in enumerate(modules) if name.startswith(start))
        for module in list(modules.values())[first:]:
            module.float()
        for name in trained:
            modules[name].requires_grad_(True)

    def save(self, model: nn.Module, folder: Path, base: BaseIdentity) -> None:
        """Writes config.json and safetensors, as transformers reads them."""
        from tunesmith.model.save import save_weights

        save_weights(model, folder)


def _fitting(inside: dict[str, str], pattern: str) -> set[str]:
    """Modules within blocks, one of whose parts, or several in a row, fit the pattern."""
    try:
        fits = re.compile(rf"(?:^|\.)(?:{pattern})(?:\.|$)")
    except re.error as error:
        raise RecipeError(f"method.modules: {pattern!r} is no pattern: {error}.") from None
    found = {name for name, within in inside.items() if fits.search(within)}
    if not found:
        known = {part for within in inside.values() for part in within.split(".")}
        raise RecipeError(
            f"method.modules: nothing in a block fits {pattern!r}. {did_you_mean(pattern, known)}"
        )
    return found


def _part_head(model: Any, trained: set[int]) -> None:
    """Gives the head a weight of its own where it shares one and only one side trains."""
    from tunesmith.model.head import own_head
    from tunesmith.model.tied import has_tied_head, untie_head

    if own_head(model) is not None:
        return
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    if has_tied_head(model) and (id(head) in trained) != (id(embeddings) in trained):
        untie_head(model)
