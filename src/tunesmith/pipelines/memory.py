"""Memory: what a recipe needs by purpose, and which settings would make it fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from tunesmith.core.errors import RecipeError
from tunesmith.methods import METHODS
from tunesmith.methods.method import Method
from tunesmith.model.footprint import (
    BYTES,
    Arithmetic,
    activation_bytes,
    cast_bytes,
    evaluation_bytes,
    fragment_bytes,
    loss_bytes,
    optimizer_bytes,
    trunk_bytes,
)
from tunesmith.model.shape import Shape
from tunesmith.recipe import Recipe, apply_override
from tunesmith.training.batching import fixed_batching

PROCESS_MB = {"light": 285.0, "python": 500.0, "bitsandbytes": 40.0, "kernels": 60.0}
"""Resident on Linux before any weight is: Python with torch for a CPU alone, or with transformers,
their code as far as training uses it; bitsandbytes beside them; kernels of bfloat16 products, which
a CPU compiles for every shape. Measured with torch 2.13."""
CPU_CHUNK, LEAST_ROWS = 2**22, 64
"""Of the loss on a CPU; a test holds them to its own."""


@dataclass(frozen=True)
class Portions:
    """The largest batches of a run.

    Attributes:
        longest: tokens of the longest training row.
        longest_eval: of the longest evaluation row; 0: there is no evaluation.
        n_targets: learnt tokens of a micro-batch, at most.
        file_mb: size of the files of weights.
        tokens_at_once: of a micro-batch where the recipe does not say, at most; None: as fixed.
        free_mb: of the machine; a copy of a checkpoint may take half of it. 0: none is made.
    """

    longest: int
    longest_eval: int
    n_targets: int
    file_mb: float = 0.0
    tokens_at_once: int | None = None
    free_mb: float = 0.0


def memory_mb(recipe: Recipe, shape: Shape, portions: Portions) -> dict[str, float]:
    """Estimates in MB by purpose, on a CPU where the recipe leaves types open.

    Their sum is the peak: what the pass backward lets go stays with the allocator, and gradients of
    earlier micro-batches are there while later ones are computed. Evaluation takes the room of
    activations and logits, so only what it needs beyond them counts.
    """
    method, train = recipe.method, recipe.train
    n_trained = method.n_trained(shape)
    adapts = method.update_rank > 0
    how = _arithmetic(recipe)
    first_layer = method.first_block(shape)
    trains_head = method.trains_head(shape)
    n_tokens = _n_tokens(recipe, portions)
    is_fused = train.fused and shape.has_trunk
    if is_fused:
        activations = trunk_bytes(
            shape,
            how,
            n_tokens,
            portions.n_targets,
            portions.longest,
            first_layer=first_layer,
            rank=method.update_rank,
            drops=method.drops,
            recomputes=train.gradient_checkpointing,
        )
    else:
        activations = activation_bytes(
            shape,
            how,
            n_tokens,
            first_layer=first_layer,
            trains_norms=not adapts,
            rank=method.update_rank,
            drops=method.drops,
            recomputes=train.gradient_checkpointing,
        )
    casts = cast_bytes(shape, how, first_layer=first_layer, adapts=adapts, trains_head=trains_head)
    logits = loss_bytes(
        shape, how, portions.n_targets, CPU_CHUNK, LEAST_ROWS, trains_head=trains_head
    )
    n_eval = train.eval_batch_size * portions.longest_eval
    evaluation = evaluation_bytes(shape, how, n_eval)
    needs = {
        "process": PROCESS_MB["light" if _is_light(recipe, shape) else "python"] * 1e6,
        "weights": _weight_bytes(recipe, shape, is_mapped=portions.file_mb > 0)
        + (casts if is_fused else 0)
        # A byte beside each weight, for its products in training.
        + (shape.n_linear_parameters if train.frozen_products == "int8" else 0),
        # What is not quantised goes on pointing into the file, so that all of it stays mapped.
        "file": portions.file_mb * 1e6 if method.linear_bytes is not None else 0,
        "adapter": n_trained * 4 if adapts else 0,
        "gradients": n_trained * 4,
        "optimizer": optimizer_bytes(recipe.optim.name, n_trained, shape),
        "activations": activations,
        "allocator": fragment_bytes(
            shape,
            how,
            n_tokens,
            first_layer=first_layer,
            recomputes=train.gradient_checkpointing,
        )
        if adapts and not is_fused
        else 0,
        "logits": logits,
        "evaluation": max(0.0, evaluation - activations - logits),
    }
    if method.linear_bytes is not None or recipe.optim.name.endswith("8bit"):
        needs["process"] += PROCESS_MB["bitsandbytes"] * 1e6
    if how.is_bfloat16 and how.widens_attention:  # on a CPU
        needs["process"] += PROCESS_MB["kernels"] * 1e6
    # A checkpoint is copied, to be written beside training, where at most half of what is free
    # goes into that; activations, logits and gradients have gone then.
    copy = n_trained * 4 + needs["optimizer"]
    if copy <= (portions.free_mb * 1e6 - sum(needs.values())) / 2:
        needs["checkpoint"] = max(0.0, copy - activations - logits - needs["gradients"])
    return {purpose: round(n_bytes / 1e6, 1) for purpose, n_bytes in needs.items()}


def _is_light(recipe: Recipe, shape: Shape) -> bool:
    """Whether a run needs transformers for nothing, as :mod:`tunesmith.pipelines.start` has it."""
    method, train = recipe.method, recipe.train
    is_plain = recipe.model.init == "pretrained" and recipe.model.adapter is None
    is_plain &= train.fused and shape.has_trunk and shape.head is None
    is_adapter = method.update_rank > 0 and not getattr(method, "extra_modules", ())
    return (
        is_plain
        and is_adapter
        and method.linear_bytes is None
        and (not train.gradient_checkpointing)
    )


def disk_mb(recipe: Recipe, shape: Shape) -> float:
    """Of the kept checkpoints, the best, the one being written, and the tuned model."""
    n_checkpoints = recipe.train.keep_checkpoints + 2
    n_trained = recipe.method.n_trained(shape)
    state = optimizer_bytes(recipe.optim.name, n_trained, shape)
    saved = n_trained if recipe.method.saves_adapter else shape.n_parameters
    return round((n_checkpoints * (n_trained * 4 + state) + saved * 4) / 1e6, 1)


def merge_mb(recipe: Recipe, shape: Shape) -> float | None:
    """Of ``tunesmith merge`` in float32: the base, and its result read back; None: needs none."""
    if not recipe.method.saves_adapter:
        return None
    return round(PROCESS_MB["python"] + 2 * shape.n_parameters * 4 / 1e6, 1)


def what_would_fit(
    recipe: Recipe, shape: Shape, portions: Portions, available_mb: float
) -> list[dict[str, Any]]:
    """Settings that lower the need, each on top of those before, until it fits.

    Cheapest first: fewer rows at once and recomputed activations cost time only; the later ones
    change what is learnt.

    Returns:
        ``set`` (overrides) and ``total`` (MB) of each step; none where it fits as it is.
    """
    found: list[dict[str, Any]] = []
    now = recipe
    if sum(memory_mb(now, shape, portions).values()) <= available_mb:
        return found
    for change in _changes(recipe, portions):
        train = {k[6:]: v for k, v in change.items() if k.startswith("train.")}
        optim = {k[6:]: v for k, v in change.items() if k.startswith("optim.")}
        updated: dict[str, Any] = {
            "train": now.train.model_copy(update=train),
            "optim": now.optim.model_copy(update=optim),
        }
        if "method" in change:
            updated["method"] = _as_overridden(now.method, change["method"])
        changed = now.model_copy(update=updated)
        share = _n_tokens(changed, portions) / _n_tokens(recipe, portions)
        n_targets = math.ceil(portions.n_targets * share)
        at_once = replace(portions, n_targets=n_targets)
        try:
            total = round(sum(memory_mb(changed, shape, at_once).values()), 1)
        except RecipeError:  # what was set for one method does not suit the other
            continue
        now = changed
        if found and total >= found[-1]["total"]:
            continue
        told = [f"{key}={str(value).lower()}" for key, value in change.items()]
        found.append({"set": told, "total": total})
        if total <= available_mb:
            break
    return found


def _as_overridden(method: Method, name: str) -> Method:
    """What ``method=name`` makes of a recipe's method: fields that both have stay as they are."""
    fields: dict[str, Any] = {"method": method.model_dump(mode="json")}
    apply_override(fields, f"method={name}")
    return METHODS.parse(fields["method"])


def _n_tokens(recipe: Recipe, portions: Portions) -> int:
    """Tokens at once in training, padding included."""
    train, longest = recipe.train, portions.longest
    batching = fixed_batching(train, [longest], device_type(recipe))
    by_rows = batching.rows_at_once * longest
    if batching.tokens_at_once is None:
        return by_rows
    is_open = train.tokens_at_once is None and train.micro_batch_size is None
    tokens = (portions.tokens_at_once if is_open else None) or batching.tokens_at_once
    return max(longest, min(tokens, by_rows))


def _changes(recipe: Recipe, portions: Portions) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    train, longest = recipe.train, portions.longest
    by_rows = fixed_batching(train, [longest], device_type(recipe)).tokens_at_once is None
    n_tokens = _n_tokens(recipe, portions)
    while not by_rows and n_tokens > longest:
        n_tokens = max(longest, n_tokens // 2)
        n_eval = min(train.eval_batch_size, n_tokens // longest)
        changes.append({"train.tokens_at_once": n_tokens, "train.eval_batch_size": n_eval})
    n_rows = train.micro_batch_size or 1
    while by_rows and n_rows > 1:
        n_rows = (n_rows + 1) // 2
        changes.append({"train.micro_batch_size": n_rows, "train.eval_batch_size": n_rows})
    if not recipe.train.gradient_checkpointing:
        changes.append({"train.gradient_checkpointing": True})
    if recipe.optim.name == "adamw":
        changes.append({"optim.name": "adamw_8bit"})
    if not recipe.method.saves_adapter:
        changes.append({"method": "lora"})
    if recipe.method.linear_bytes is None and recipe.model.init == "pretrained":
        changes.append({"method": "qlora"})
    return changes


def device_type(recipe: Recipe) -> str:
    """The device that a recipe is planned for, by its types."""
    is_gpu = recipe.model.dtype == recipe.train.precision == "bfloat16"
    return "cuda" if is_gpu else "cpu"


def _arithmetic(recipe: Recipe) -> Arithmetic:
    is_bfloat16 = recipe.train.precision == "bfloat16"
    is_gpu = device_type(recipe) == "cuda"
    held_narrow = recipe.model.dtype == "bfloat16" and recipe.method.saves_adapter
    casts = is_bfloat16 and not held_narrow and recipe.method.linear_bytes is None
    return Arithmetic(is_bfloat16, casts, widens_attention=not is_gpu)


def _weight_bytes(recipe: Recipe, shape: Shape, *, is_mapped: bool) -> float:
    held = BYTES.get(recipe.model.dtype, 4)
    each = recipe.method.linear_bytes
    if each is not None:
        if recipe.method.writes_out:
            each = 2.0 if recipe.train.precision == "bfloat16" else 4.0
        others = shape.n_parameters - shape.n_linear_parameters
        return shape.n_linear_parameters * each + (0 if is_mapped else others * held)
    n_widened = recipe.method.n_widened(shape)
    return n_widened * 4 + (shape.n_parameters - n_widened) * held
