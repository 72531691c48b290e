"""Dry run: what a recipe would do and need, before any weight is loaded; needs no torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tunesmith.core.available import available_memory_mb
from tunesmith.core.bundled import bundled_path
from tunesmith.core.errors import MissingExtraError, ModelError
from tunesmith.model.head import Head, unnamed_labels
from tunesmith.model.shape import PUBLISHED, Shape, shape_of
from tunesmith.model.source import is_hub_id, model_folder, read_config
from tunesmith.model.trunk_support import why_config_unsupported
from tunesmith.pipelines.frozen_products import require_roundable
from tunesmith.pipelines.long_rows import require_lengths
from tunesmith.pipelines.memory import (
    disk_mb,
    memory_mb,
    merge_mb,
)
from tunesmith.pipelines.planned_data import PlannedData, planned_data
from tunesmith.pipelines.precision import planned_precision
from tunesmith.pipelines.prepare import Prepared
from tunesmith.pipelines.trunk_plan import planned_states
from tunesmith.pipelines.what_would_fit import what_would_fit
from tunesmith.recipe import Recipe


def dry_run(recipe: Recipe, *, available_mb: float | None = None) -> dict[str, Any]:
    """Plans a run.

    Model and data that are only on a hub are not fetched: of a model that is published in a known
    shape the sizes are known; of the data nothing is, and the plan says so.

    Args:
        recipe: the whole of it.
        available_mb: memory that it is to fit in; None: what is free on this machine.

    Returns:
        ``model`` (parameters), ``method`` (trained parameters), ``steps``, ``batching`` (what is
        known of it before the model is there, in words), ``ledger``,
        ``memory_mb`` by purpose (estimates), ``available_mb``, ``would_fit`` (settings that bring
        the need under that, each on top of those before), ``disk_mb``, ``trunk_cache`` (states of
        frozen layers that would be kept, or None), ``merge_mb``, ``sharing`` (see
        :func:`planned_sharing`; None: nothing is shared, or rows are not known),
        ``precision`` (of the arithmetic, in words),
        ``seconds_at_least`` (None where tokens are not known), and ``notes`` on what could not be
        checked.

    Raises:
        TunesmithError: what is on this machine cannot be used.
    """
    notes: list[str] = []
    require_roundable(recipe)
    shape, here = _shape(recipe, notes)
    recipe, precision = _with_precision(recipe)
    data = planned_data(recipe, shape, here, notes)
    if data.prepared is not None:
        require_lengths(recipe, data.prepared)
    shape = shape.with_head(_head(recipe, data.prepared, notes))
    states = None
    if data.prepared is not None and data.steps is not None:
        states = planned_states(recipe, data.prepared, shape, data.steps)
    if available_mb is None:
        available_mb = available_memory_mb()
    portions = replace(data.portions, file_mb=_file_mb(recipe, shape))
    memory = memory_mb(recipe, shape, replace(portions, free_mb=available_mb or 0.0))
    would_fit = (
        [] if available_mb is None else what_would_fit(recipe, shape, portions, available_mb)
    )
    return {
        "out": recipe.out,
        "model": {
            "path": recipe.model.path,
            "parameters": shape.n_parameters,
            "max_positions": shape.max_positions,
        },
        "method": {
            "name": recipe.method.name,
            "trained_parameters": recipe.method.n_trained(shape),
        },
        "lr": recipe.lr,
        "rows": data.rows,
        "longest_tokens": portions.longest,
        "batching": data.batching,
        "steps": data.steps,
        "memory_mb": {**memory, "total": round(sum(memory.values()), 1)},
        "available_mb": None if available_mb is None else round(available_mb, 1),
        "would_fit": would_fit,
        "disk_mb": disk_mb(recipe, shape),
        "trunk_cache": states,
        "merge_mb": merge_mb(recipe, shape),
        "sharing": data.sharing,
        "precision": precision,
        "seconds_at_least": _seconds_at_least(recipe, shape, data),
        "ledger": None if data.prepared is None else data.prepared.ledger.as_dict(),
        "notes": notes,
    }


def _with_precision(recipe: Recipe) -> tuple[Recipe, str]:
    """The recipe with the type of its arithmetic as far as it is known, and what to say of it."""
    found_at = bundled_path(recipe.model.path) or Path(recipe.model.path).expanduser()
    folder = found_at if (found_at / "config.json").is_file() else None
    found = planned_precision(recipe, folder)
    if found is None:
        return recipe, "arithmetic in float32, or bfloat16 where a trial at the start finds it pays"
    # Weights and arithmetic in 16 bits stand for a GPU in an estimate.
    is_ours = recipe.train.precision == "auto" and recipe.model.dtype != "bfloat16"
    return found.settled(recipe) if is_ours else recipe, found.told


def _head(recipe: Recipe, prepared: Prepared | None, notes: list[str]) -> Head | None:
    """The task's own output, as far as it is known."""
    if prepared is not None:
        return prepared.task.head()
    head = recipe.task.planned_head()
    is_open = head is not None and head.labels == unnamed_labels(2)
    if head is not None and is_open:
        notes.append(f"labels are not counted yet; the head is planned with {head.n_outputs}.")
    return head


def _shape(recipe: Recipe, notes: list[str]) -> tuple[Shape, bool]:
    """Sizes of the model, and whether its tokenizer is on this machine."""
    path, revision = recipe.model.path, recipe.model.revision
    on_hub = bundled_path(path) is None and not Path(path).exists() and is_hub_id(path)
    if not on_hub:
        folder = model_folder(path, revision, weights=recipe.model.init == "pretrained")
        _tell_forward(recipe, folder, notes)
        return shape_of(read_config(folder), str(folder)), True
    notes.append(f"model {path}: comes from the hub when the run starts.")
    try:
        folder = model_folder(path, revision, weights=False)
    except (ModelError, MissingExtraError):
        if path not in PUBLISHED:
            raise
        return shape_of(PUBLISHED[path], path), False
    _tell_forward(recipe, folder, notes)
    return shape_of(read_config(folder), str(folder)), True


def _tell_forward(recipe: Recipe, folder: Path, notes: list[str]) -> None:
    """Says where a model's layers are not computed by the fused trunk."""
    reason = why_config_unsupported(read_config(folder))
    if recipe.train.fused and reason is not None:
        notes.append(f"train.fused: transformers' slower forward is used: {reason}.")


def _file_mb(recipe: Recipe, shape: Shape) -> float:
    """Of the files of weights: as they are here, else two bytes for each weight."""
    if recipe.model.init == "random":
        return 0.0
    path = bundled_path(recipe.model.path) or Path(recipe.model.path)
    files = list(Path(path).glob("*.safetensors")) if Path(path).is_dir() else []
    return sum(f.stat().st_size for f in files) / 1e6 or shape.n_parameters * 2 / 1e6


def _seconds_at_least(recipe: Recipe, shape: Shape, data: PlannedData) -> float | None:
    """The bound for a whole run; None: its tokens are not known."""
    if data.n_tokens is None:
        return None
    saved_fraction = 0.0 if data.sharing is None else data.sharing["saved_fraction"]
    return round(_seconds(recipe, shape, data.n_tokens * (1 - saved_fraction)), 1)


def _seconds(recipe: Recipe, shape: Shape, n_tokens: float) -> float:
    """A lower bound of a run's time on this machine's processor.

    The products of a run alone, at the speed that a plain matrix product reaches here: two
    operations for each weight of a linear layer forward, two backward for what lies below, two
    where the weight trains, and two more where activations are computed again.
    """
    passes = 4 + (0 if recipe.method.saves_adapter else 2)
    passes += 2 if recipe.train.gradient_checkpointing else 0
    n_epochs_tokens = n_tokens * recipe.train.epochs
    return shape.n_linear_parameters * passes * n_epochs_tokens / _operations_per_s()


def _operations_per_s() -> float:
    size = 768
    a = np.ones((size, size), np.float32)
    # The first product also wakes the library up.
    best = min(_seconds_of(lambda: a @ a) for _ in range(6))
    return 2 * size**3 / best


def _seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
