"""Build trainer: a recipe and its rows -> a trainer with its model, ready for the first step."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from tunesmith.core.runs import Run
from tunesmith.pipelines.alike import Alike
from tunesmith.pipelines.batches import batching_of
from tunesmith.pipelines.frozen_products import require_roundable, round_products
from tunesmith.pipelines.long_rows import require_lengths, settle_long_rows
from tunesmith.pipelines.prepare import Prepared
from tunesmith.pipelines.reference import annotate
from tunesmith.pipelines.resume import ResumePoint
from tunesmith.pipelines.share import shared_rows
from tunesmith.pipelines.start import start
from tunesmith.pipelines.trunk_cache import from_trunk_cache
from tunesmith.pipelines.watch import goal_of
from tunesmith.recipe import Recipe
from tunesmith.training.batching import Batching

if TYPE_CHECKING:
    import torch

    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.loop import Trainer
    from tunesmith.training.placement import SingleDevice


def build_trainer(
    recipe: Recipe,
    prepared: Prepared,
    watcher: Any,
    run: Run | None = None,
    *,
    needs_whole: bool = True,
    alike: Alike | None = None,
    key: str = "",
    point: ResumePoint | None = None,
) -> Trainer:
    """Loads the model, applies the method and builds the trainer.

    Args:
        recipe: the whole of it.
        prepared: its data.
        watcher: hears of steps, evaluations and checkpoints.
        run: the reference model's figures are kept there and taken from there, and what was decided
            of states of frozen layers.
        needs_whole: whether ``trainer.model.model`` has to be a transformers model; else it may be
            what training needs of one, which is there sooner.
        alike: what other runs of this process have left for this one; None: there are none.
        key: tells apart what the reference model's figures depend on.
        point: where the run goes on; its batching is kept.
    """
    from tunesmith.training.loop import Trainer
    from tunesmith.training.passes import Passes
    from tunesmith.training.shared_rows import arrangement

    alike = alike or Alike()
    require_roundable(recipe)
    require_lengths(recipe, prepared)  # before weights are loaded in vain
    model, placement, precision = _placed(recipe, prepared, alike, needs_whole=needs_whole)
    rows = _rows(recipe, prepared, model, run, precision, alike, key)
    kept = None if point is None else Batching.kept(point.batching, recipe.train)
    batching = kept or batching_of(recipe, Passes(model, placement, precision), rows["train"])
    rows = shared_rows(recipe, model.model, rows)
    return Trainer(
        model,
        rows["train"],
        rows.get("validation"),
        settings=recipe.train,
        optim=recipe.optim,
        lr=recipe.lr,
        placement=placement,
        watcher=watcher,
        precision=precision,
        lr_factor=recipe.method.lr_factor,
        goal=goal_of(recipe),
        batching=batching,
        arrange=arrangement(rows["train"], batching),
    )


def _placed(
    recipe: Recipe, prepared: Prepared, alike: Alike, *, needs_whole: bool
) -> tuple[TaskModel, SingleDevice, torch.dtype]:
    """The model with its method applied, where it is computed, and in which arithmetic."""
    from tunesmith.model.device import default_device
    from tunesmith.model.neftune import add_embedding_noise
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.allocator import keep_freed_memory
    from tunesmith.training.placement import SingleDevice

    device = default_device()
    if device.type == "cpu":
        keep_freed_memory()
    settle_kernels(device)
    precision = arithmetic(recipe.train.precision, device)
    head = prepared.task.head()
    network = start(recipe, device, precision, head, needs_whole=needs_whole, known=alike.weights)
    if recipe.train.neftune_alpha is not None:
        add_embedding_noise(network, recipe.train.neftune_alpha)
    if recipe.train.gradient_checkpointing:
        from tunesmith.model.load import recompute_activations

        recompute_activations(network)
    placement = SingleDevice(device)
    model = TaskModel(network, recipe.loss, fused=recipe.train.fused)
    if recipe.train.fused and model.trunk is None:
        print(f"train.fused: the forward is that of {model.way}.", file=sys.stderr)
    placement.place(model)
    round_products(recipe, model, device)
    return model, placement, precision


def _rows(
    recipe: Recipe,
    prepared: Prepared,
    model: TaskModel,
    run: Run | None,
    precision: torch.dtype,
    alike: Alike,
    key: str,
) -> dict[str, Any]:
    """Rows by split, with what a reference model and frozen layers say of them."""
    from tunesmith.model.device import default_device
    from tunesmith.training.placement import autocast

    within = partial(autocast, default_device(), precision)
    rows = {
        split: prepared.task.rows(encoded, prepared.tokenizer.pad_id)
        for split, encoded in prepared.encoded.items()
        if split != "test"
    }
    settle_long_rows(recipe, model, rows)
    rows = annotate(recipe, model, rows, run, within, alike.references, key)
    return from_trunk_cache(recipe.train, model, rows, run, within, precision, alike.n_runs)


def arithmetic(name: str, device: torch.device) -> torch.dtype:
    """The type that ``train.precision`` means on a device."""
    import torch

    if name == "auto":
        gpu = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if gpu else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def settle_kernels(device: torch.device) -> None:
    """Has a GPU's kernels tried, where that was not done yet, and tells what came of it."""
    if device.type == "cpu":
        return
    from tunesmith.model.kernels.trial import settle

    told = settle(device)
    if told is not None:
        print(told, file=sys.stderr, flush=True)
