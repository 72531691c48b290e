"""Memory: what a recipe needs of it, by purpose."""

from __future__ import annotations

from dataclasses import dataclass

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
from tunesmith.recipe import Recipe
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
    method, how = recipe.method, _arithmetic(recipe)
    n_trained, adapts = method.n_trained(shape), method.update_rank > 0
    trains_head = method.trains_head(shape)
    n_tokens = n_tokens_at_once(recipe, portions)
    activations = _activation_bytes(recipe, shape, how, n_tokens, portions)
    logits = loss_bytes(
        shape, how, portions.n_targets, CPU_CHUNK, LEAST_ROWS, trains_head=trains_head
    )
    n_eval = recipe.train.eval_batch_size * portions.longest_eval
    evaluation = evaluation_bytes(shape, how, n_eval)
    needs = {
        "process": _process_bytes(recipe, shape, how),
        "weights": _held_bytes(recipe, shape, how, is_mapped=portions.file_mb > 0),
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
            first_layer=method.first_block(shape),
            recomputes=recipe.train.gradient_checkpointing,
        )
        if adapts and not _is_fused(recipe, shape)
        else 0,
        "logits": logits,
        "evaluation": max(0.0, evaluation - activations - logits),
    }
    # A checkpoint is copied, to be written beside training, where at most half of what is free
    # goes into that; activations, logits and gradients have gone then.
    copy = n_trained * 4 + needs["optimizer"]
    if copy <= (portions.free_mb * 1e6 - sum(needs.values())) / 2:
        needs["checkpoint"] = max(0.0, copy - activations - logits - needs["gradients"])
    return {purpose: round(n_bytes / 1e6, 1) for purpose, n_bytes in needs.items()}


def _is_fused(recipe: Recipe, shape: Shape) -> bool:
    return recipe.train.fused and shape.has_trunk


def _activation_bytes(
    recipe: Recipe, shape: Shape, how: Arithmetic, n_tokens: int, portions: Portions
) -> float:
    """What is kept for the pass backward."""
    method = recipe.method
    first_layer, recomputes = method.first_block(shape), recipe.train.gradient_checkpointing
    if _is_fused(recipe, shape):
        return trunk_bytes(
            shape,
            how,
            n_tokens,
            portions.n_targets,
            portions.longest,
            first_layer=first_layer,
            rank=method.update_rank,
            drops=method.drops,
            recomputes=recomputes,
        )
    return activation_bytes(
        shape,
        how,
        n_tokens,
        first_layer=first_layer,
        trains_norms=method.update_rank == 0,
        rank=method.update_rank,
        drops=method.drops,
        recomputes=recomputes,
    )


def _held_bytes(recipe: Recipe, shape: Shape, how: Arithmetic, *, is_mapped: bool) -> float:
    """Weights, what they are cast to once, and in eight bits."""
    method = recipe.method
    held = _weight_bytes(recipe, shape, is_mapped=is_mapped)
    if _is_fused(recipe, shape):
        held += cast_bytes(
            shape,
            how,
            first_layer=method.first_block(shape),
            adapts=method.update_rank > 0,
            trains_head=method.trains_head(shape),
        )
    # A byte beside each weight, for its products in training.
    return held + (shape.n_linear_parameters if recipe.train.frozen_products == "int8" else 0)


def _process_bytes(recipe: Recipe, shape: Shape, how: Arithmetic) -> float:
    """Python with what it has imported, and compiled."""
    mb = PROCESS_MB["light" if _is_light(recipe, shape) else "python"]
    if recipe.method.linear_bytes is not None or recipe.optim.name.endswith("8bit"):
        mb += PROCESS_MB["bitsandbytes"]
    if how.is_bfloat16 and how.widens_attention:  # on a CPU
        mb += PROCESS_MB["kernels"]
    return mb * 1e6


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


def n_tokens_at_once(recipe: Recipe, portions: Portions) -> int:
    """Tokens at once in training, padding included."""
    train, longest = recipe.train, portions.longest
    batching = fixed_batching(train, [longest], device_type(recipe))
    by_rows = batching.rows_at_once * longest
    if batching.tokens_at_once is None:
        return by_rows
    is_open = train.tokens_at_once is None and train.micro_batch_size is None
    tokens = (portions.tokens_at_once if is_open else None) or batching.tokens_at_once
    return max(longest, min(tokens, by_rows))


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
