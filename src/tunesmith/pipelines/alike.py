"""Alike: what runs of one process that are much alike, a sweep's, have of each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tunesmith.methods.lora import LoRA
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    Weights = dict[str, Tensor]


@dataclass
class Alike:
    """Work that is done once for several runs; nothing in it is changed by training.

    Attributes:
        n_runs: that are to see the same rows, so that what is kept for them pays sooner.
        weights: frozen weights as loaded, of one model at a time, by what they were loaded from.
        references: figures of the reference model, by all that they depend on.
    """

    n_runs: int = 1
    weights: dict[tuple[Any, ...], Weights] = field(default_factory=dict)
    references: dict[str, Any] = field(default_factory=dict)


def reference_key(recipe: Recipe, hashes: dict[str, str]) -> str:
    """What figures of a reference model depend on.

    A fresh LoRA adapter adds nothing, whichever rank it has; any other method counts. What cannot
    matter is left out by name, so that a new key of a recipe counts until it is known not to.

    Args:
        recipe: the whole of it.
        hashes: of data, template, tokenizer, token ids and weights.
    """
    method = recipe.method
    fields = recipe.model_dump(mode="json", exclude={"out", "optim", "evaluate", "trackers"})
    # Not of its kin: qlora also says in how few bits the weights are.
    if type(method) is LoRA and method.init == "zero" and not (method.dora or method.extra_modules):
        if recipe.model.adapter is None:
            fields["method"] = method.name
    return json.dumps([fields, hashes], sort_keys=True)
