"""Planned data: what is known of a recipe's rows before it runs, and how they pass the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tunesmith.data.load import load_examples
from tunesmith.data.source import is_remote
from tunesmith.model.shape import Shape
from tunesmith.pipelines.memory import Portions, device_type
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT, Prepared, prepare
from tunesmith.pipelines.share import planned_sharing
from tunesmith.recipe import Recipe
from tunesmith.training.batching import Batching, fixed_batching
from tunesmith.training.plan import n_steps, plan_epoch
from tunesmith.training.probe import sizes_worth_trying


@dataclass(frozen=True)
class PlannedData:
    """What is known of a recipe's rows before it runs.

    Attributes:
        portions: the largest batches.
        batching: in words.
        rows: of training; None: not known.
        prepared: the encoded rows; None: model or data are not here.
        sharing: what is shared of them.
        steps: of the run; None: not known.
        n_tokens: that an epoch learns from on average; None: not known.
    """

    portions: Portions
    batching: str
    rows: int | None
    prepared: Prepared | None = None
    sharing: dict[str, Any] | None = None
    steps: int | None = None
    n_tokens: int | None = None


def planned_data(recipe: Recipe, shape: Shape, here: bool, notes: list[str]) -> PlannedData:
    """Rows and what is made of them, as far as they are on this machine.

    Args:
        recipe: the whole of it.
        shape: of the model.
        here: whether its tokenizer is on this machine.
        notes: grows by what could not be looked at.
    """
    remote = [s.path for s in recipe.data.all_sources if is_remote(s.path)]
    if here and not remote:
        return _encoded(recipe, shape)
    rows: int | None = None
    if remote:
        notes.append(f"data {remote[0]}: not fetched; rows and tokens are not known yet.")
    else:
        rows = len(load_examples(recipe.data, recipe.train.seed)["train"])
        notes.append("tokens are not counted: the tokenizer comes with the model.")
    longest = min(recipe.data.max_tokens or LONGEST_BY_DEFAULT, shape.max_positions)
    batching, sizes = _batching(recipe, np.array([longest]), None, shape)
    n_targets = min(batching.tokens_at_once or longest**2, batching.rows_at_once * longest)
    portions = Portions(longest, longest, n_targets, tokens_at_once=batching.tokens_at_once)
    return PlannedData(portions, _told(batching, sizes), rows, steps=_steps(recipe, rows))


def _encoded(recipe: Recipe, shape: Shape) -> PlannedData:
    prepared = prepare(recipe, weights=False)
    encoded = prepared.encoded["train"]
    lengths = prepared.task.lengths(encoded)
    rows, steps = len(lengths), _steps(recipe, len(lengths))
    batching, sizes = _batching(recipe, lengths, rows, shape)
    held_out = prepared.encoded.get("validation")
    longest_eval = int(prepared.task.lengths(held_out).max()) if held_out else 0
    # What is one row to the trainer may be several encoded ones.
    n_learnt = encoded.n_learnt.reshape(rows, -1).sum(1)
    n_targets = _most_learnt(recipe, batching, lengths, n_learnt)
    n_tokens = int(lengths.sum())
    if recipe.train.max_steps is not None and steps is not None:
        n_tokens = round(n_tokens * steps * recipe.train.batch_size / rows / recipe.train.epochs)
    longest = int(lengths.max())
    return PlannedData(
        Portions(longest, longest_eval, n_targets, tokens_at_once=batching.tokens_at_once),
        _told(batching, sizes),
        rows,
        prepared,
        planned_sharing(recipe, prepared),
        steps,
        n_tokens,
    )


def _steps(recipe: Recipe, rows: int | None) -> int | None:
    train = recipe.train
    if rows is None:
        return train.max_steps
    return n_steps(
        rows, batch_size=train.batch_size, epochs=train.epochs, max_steps=train.max_steps
    )


def _batching(
    recipe: Recipe, lengths: np.ndarray, n_rows: int | None, shape: Shape
) -> tuple[Batching, tuple[int, ...]]:
    """The largest micro-batches there may be, and the sizes that a probe will choose among."""
    train, device = recipe.train, device_type(recipe)
    found = fixed_batching(
        train, lengths, device, width=shape.width, unpadded=train.fused and shape.has_trunk
    )
    if n_rows is None or train.tokens_at_once is not None or train.micro_batch_size is not None:
        return found, ()
    steps = n_steps(
        n_rows, batch_size=train.batch_size, epochs=train.epochs, max_steps=train.max_steps
    )
    fixed = found.tokens_at_once or 0
    sizes = sizes_worth_trying(device, lengths, train.batch_size, steps, fixed)
    # A probe that finds nothing leaves the fixed number.
    return replace(found, tokens_at_once=max(fixed, *sizes)) if sizes else found, sizes


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
