"""Dry run: what a recipe would do and need, before any weight is loaded; needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.core.bundled import bundled_path
from tunesmith.core.errors import MissingExtraError, ModelError
from tunesmith.data.load import load_examples
from tunesmith.data.source import is_remote
from tunesmith.methods.qlora import QLoRA
from tunesmith.model.head import Head, unnamed_labels
from tunesmith.model.shape import PUBLISHED, Shape, shape_of
from tunesmith.model.source import is_hub_id, model_folder, read_config
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT, Prepared, prepare
from tunesmith.recipe import Recipe
from tunesmith.training.plan import n_steps

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
NF4_BYTES = {False: 0.5 + 4 / 64, True: 0.5 + (1 + 4 / 256) / 64}
"""Per weight: four bits, and a scale for every 64 weights: four bytes, or with double quantisation
one byte and four more for 256 of them."""


def dry_run(recipe: Recipe) -> dict[str, Any]:
    """Plans a run.

    Model and data that are only on a hub are not fetched: of a model that is published in a known
    shape the sizes are known; of the data nothing is, and the plan says so.

    Returns:
        ``model`` (parameters), ``method`` (trained parameters), ``steps``, ``ledger``,
        ``memory_mb`` by purpose (estimates), and ``notes`` on what could not be checked.

    Raises:
        TunesmithError: what is on this machine cannot be used.
    """
    notes: list[str] = []
    shape, here = _shape(recipe, notes)
    remote = [s.path for s in recipe.data.all_sources if is_remote(s.path)]
    data_here = not remote
    rows: int | None = None
    ledger: dict[str, Any] | None = None
    longest = min(recipe.data.max_tokens or LONGEST_BY_DEFAULT, shape.max_positions)
    prepared: Prepared | None = None
    if data_here and here:
        prepared = prepare(recipe, weights=False)
        lengths = prepared.task.lengths(prepared.encoded["train"])
        rows, ledger = len(lengths), prepared.ledger.as_dict()
        longest = int(lengths.max())
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
    memory = _memory_mb(recipe, shape, n_trained, longest)
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
        "steps": steps,
        "memory_mb": {**memory, "total": round(sum(memory.values()), 1)},
        "ledger": ledger,
        "notes": notes,
    }


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
        return shape_of(read_config(folder), str(folder)), True
    notes.append(f"model {path}: comes from the hub when the run starts.")
    try:
        folder = model_folder(path, revision, weights=False)
    except (ModelError, MissingExtraError):
        if path not in PUBLISHED:
            raise
        return shape_of(PUBLISHED[path], path), False
    return shape_of(read_config(folder), str(folder)), True


def _memory_mb(recipe: Recipe, shape: Shape, n_trained: int, longest: int) -> dict[str, float]:
    """Estimates in MB, on a CPU where the recipe leaves the types open."""
    held = BYTES.get(recipe.model.dtype, 4)
    if isinstance(recipe.method, QLoRA):
        others = shape.n_parameters - shape.n_linear_parameters
        weights = (
            shape.n_linear_parameters
            * (1 if recipe.method.bits == 8 else NF4_BYTES[recipe.method.double_quant])
            + others * 2
            + n_trained * 4
        )
    elif recipe.method.saves_adapter:
        weights = shape.n_parameters * held + n_trained * 4
    else:
        weights = shape.n_parameters * 4
    n_tokens = recipe.train.tokens_per_row or recipe.train.rows_at_once * longest
    number = 2 if recipe.train.precision == "bfloat16" else 4
    # Kept for the backward pass by one block: about 8 vectors of the width and 4 of the FFN's.
    per_token = 8 * shape.width + 4 * shape.ffn_width
    if recipe.train.gradient_checkpointing:
        activations = n_tokens * (shape.n_layers * shape.width + per_token) * number
    else:
        activations = n_tokens * shape.n_layers * per_token * number
    return {
        "weights": round(weights / 1e6, 1),
        "gradients": round(n_trained * 4 / 1e6, 1),
        "optimizer": round(n_trained * 8 / 1e6, 1),
        "activations": round(activations / 1e6, 1),
    }
