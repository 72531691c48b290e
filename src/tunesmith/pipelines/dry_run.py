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
from tunesmith.data.load import load_examples
from tunesmith.data.source import is_remote
from tunesmith.model.head import Head, unnamed_labels
from tunesmith.model.shape import PUBLISHED, Shape, shape_of
from tunesmith.model.source import is_hub_id, model_folder, read_config
from tunesmith.model.trunk_support import why_config_unsupported
from tunesmith.pipelines.frozen_products import require_roundable
from tunesmith.pipelines.memory import (
    Portions,
    device_type,
    disk_mb,
    memory_mb,
    merge_mb,
    what_would_fit,
)
from tunesmith.pipelines.precision import planned_precision
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT, Prepared, prepare
from tunesmith.pipelines.share import planned_sharing
from tunesmith.pipelines.trunk_plan import planned_states
from tunesmith.recipe import Recipe
from tunesmith.training.batching import Batching, fixed_batching
from tunesmith.training.plan import n_steps, plan_epoch
from tunesmith.training.probe import sizes_worth_trying


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
    remote = [s.path for s in recipe.data.all_sources if is_remote(s.path)]
    data_here = not remote
    rows: int | None = None
    ledger: dict[str, Any] | None = None
    longest = min(recipe.data.max_tokens or LONGEST_BY_DEFAULT, shape.max_positions)
    lengths = np.array([longest])
    batching, sizes = _batching(recipe, lengths, None, shape.width)
    longest_eval = longest
    n_targets = min(batching.tokens_at_once or longest**2, batching.rows_at_once * longest)
    seconds: float | None = None
    n_tokens: int | None = None
    prepared: Prepared | None = None
    sharing: dict[str, Any] | None = None
    if data_here and here:
        prepared = prepare(recipe, weights=False)
        encoded = prepared.encoded["train"]
        lengths = prepared.task.lengths(encoded)
        rows, ledger = len(lengths), prepared.ledger.as_dict()
        longest, n_tokens = int(lengths.max()), int(lengths.sum())
        sharing = planned_sharing(recipe, prepared)
        batching, sizes = _batching(recipe, lengths, rows, shape.width)
        held_out = prepared.encoded.get("validation")
        longest_eval = int(prepared.task.lengths(held_out).max()) if held_out else 0
        # What is one row to the trainer may be several encoded ones.
        n_learnt = encoded.n_learnt.reshape(rows, -1).sum(1)
        n_targets = _most_learnt(recipe, batching, lengths, n_learnt)
    elif data_here:
        rows = len(load_examples(recipe.data, recipe.train.seed)["train"])
        notes.append("tokens are not counted: the tokenizer comes with the model.")
    else:
        notes.append(f"data {remote[0]}: not fetched; rows and tokens are not known yet.")
    head = _head(recipe, prepared, notes)
    shape = shape.with_head(head)
    n_trained = recipe.method.n_trained(shape)
    steps = recipe.train.max_steps
    if rows is not None:
        steps = n_steps(
            rows,
            batch_size=recipe.train.batch_size,
            epochs=recipe.train.epochs,
            max_steps=recipe.train.max_steps,
        )
    if rows is not None and n_tokens is not None:
        if recipe.train.max_steps is not None and steps is not None:
            n_tokens = round(
                n_tokens * steps * recipe.train.batch_size / rows / recipe.train.epochs
            )
        saved_fraction = 0.0 if sharing is None else sharing["saved_fraction"]
        seconds = round(_seconds(recipe, shape, n_tokens * (1 - saved_fraction)), 1)
    states = None
    if prepared is not None and steps is not None:
        states = planned_states(recipe, prepared, shape, steps)
    portions = Portions(
        longest, longest_eval, n_targets, _file_mb(recipe, shape), batching.tokens_at_once
    )
    if available_mb is None:
        available_mb = available_memory_mb()
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
        "method": {"name": recipe.method.name, "trained_parameters": n_trained},
        "lr": recipe.lr,
        "rows": rows,
        "longest_tokens": longest,
        "batching": _told(batching, sizes),
        "steps": steps,
        "memory_mb": {**memory, "total": round(sum(memory.values()), 1)},
        "available_mb": None if available_mb is None else round(available_mb, 1),
        "would_fit": would_fit,
        "disk_mb": disk_mb(recipe, shape),
        "trunk_cache": states,
        "merge_mb": merge_mb(recipe, shape),
        "sharing": sharing,
        "precision": precision,
        "seconds_at_least": seconds,
        "ledger": ledger,
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


def _batching(
    recipe: Recipe, lengths: np.ndarray, n_rows: int | None, width: int
) -> tuple[Batching, tuple[int, ...]]:
    """The largest micro-batches there may be, and the sizes that a probe will choose among."""
    train, device = recipe.train, device_type(recipe)
    found = fixed_batching(train, lengths, device, width=width)
    if n_rows is None or train.tokens_at_once is not None or train.micro_batch_size is not None:
        return found, ()
    steps = n_steps(
        n_rows, batch_size=train.batch_size, epochs=train.epochs, max_steps=train.max_steps
    )
    sizes = sizes_worth_trying(device, lengths, train.batch_size, steps)
    return (replace(found, tokens_at_once=max(sizes)) if sizes else found), sizes


def _told(batching: Batching, sizes: tuple[int, ...]) -> str:
    """What is known of the batching before the model is there."""
    if batching.of[3] == "auto" and batching.of[1] is None:
        form = "packed or padded as the model allows"
    else:
        form = "packed" if batching.packs else "padded"
    if not sizes:
        return f"micro-batches of up to {batching.limit:,} {batching.unit}, {form}"
    listed = " or ".join(f"{size:,}" for size in sizes)
    return f"micro-batches of {listed} tokens, which a probe at the start decides, {form}"


def _most_learnt(
    recipe: Recipe, batching: Batching, lengths: np.ndarray, n_learnt: np.ndarray
) -> int:
    """Learnt tokens of a micro-batch, at most; where tokens are limited, those of the first epoch.

    Args:
        recipe: the whole of it.
        batching: how steps are divided.
        lengths: [R], tokens of the trainer's rows.
        n_learnt: [R], those of them that are learnt.
    """
    train = recipe.train
    if batching.tokens_at_once is None:
        return int(np.sort(n_learnt)[-batching.rows_at_once :].sum())
    plan = plan_epoch(
        lengths,
        batch_size=train.batch_size,
        batching=batching,
        seed=train.seed,
        epoch=0,
        shuffle=train.shuffle,
        group_by_length=train.length_grouping,
    )
    return max(int(n_learnt[micro].sum()) for step in plan for micro in step)


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
