"""Trunk plan: which states of frozen layers a run would keep, before any weight is loaded."""

from __future__ import annotations

from typing import Any

from tunesmith.methods.freeze import Freeze
from tunesmith.model.shape import Shape
from tunesmith.pipelines.prepare import Prepared
from tunesmith.recipe import Recipe
from tunesmith.training.trunk_cost import Load, n_passes, worth_keeping


def planned_states(
    recipe: Recipe, prepared: Prepared, shape: Shape, n_steps: int
) -> dict[str, Any] | None:
    """What would be kept of a Llama-like model, on a CPU where the recipe leaves types open.

    Args:
        recipe: the whole of it.
        prepared: its rows, encoded.
        shape: of the model, with its head.
        n_steps: of the run.

    Returns:
        ``splits``, ``frozen_layers`` and ``mb``, an estimate that counts equal rows each time; None
        where nothing would be kept.
    """
    train, method = recipe.train, recipe.method
    first = method.first_block(shape)
    is_noisy = train.neftune_alpha is not None
    if train.trunk_cache == "off" or first == 0 or is_noisy or recipe.loss.needs_mismatched:
        return None
    trains_norm = isinstance(method, Freeze) and "model.norm" in method.trained_modules(
        list(shape.modules)
    )
    head_only = first == shape.n_layers and not trains_norm
    if not (head_only or train.fused):
        return None
    marks_places = shape.head is not None and shape.head.kind == "question-answering"
    is_narrow = train.precision == "bfloat16" and recipe.model.dtype == "bfloat16"
    n_rows = len(prepared.task.lengths(prepared.encoded["train"]))
    passes = n_passes(train, n_rows, n_steps)
    loads: dict[str, Load] = {}
    for name in ("train", "validation"):
        if split := prepared.encoded.get(name):
            n_tokens = int(split.lengths.sum())
            n_states = int(split.n_learnt.sum()) if head_only and not marks_places else n_tokens
            n_bytes = n_states * shape.width * (2 if is_narrow else 4)
            loads[name] = Load(n_tokens, n_bytes, passes[name])
    n_frozen = shape.n_linear_parameters * first // shape.n_layers
    splits = tuple(loads)
    if train.trunk_cache == "auto":
        splits = worth_keeping(loads, n_frozen, "cpu")
    n_bytes = sum(loads[name].n_bytes for name in splits)
    if not splits or (train.trunk_cache == "auto" and n_bytes > train.trunk_cache_gb * 1e9):
        return None
    return {"splits": list(splits), "frozen_layers": first, "mb": round(n_bytes / 1e6, 1)}
