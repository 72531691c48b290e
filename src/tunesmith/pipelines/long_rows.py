"""Long rows: those that a model computes in another way, or not apart from what is beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.errors import RecipeError
from tunesmith.model.lengthening import lengthens_beyond
from tunesmith.model.source import model_folder, read_config
from tunesmith.model.trunk_support import planned_look_back, why_config_unsupported
from tunesmith.pipelines.frozen_products import refuse_rounding
from tunesmith.pipelines.prepare import Prepared
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.passes import Rows


def require_lengths(recipe: Recipe, prepared: Prepared) -> None:
    """Refuses what :func:`settle_long_rows` would, as far as a configuration tells it; no torch.

    Args:
        recipe: the whole of it; its model's ``config.json`` is on this machine.
        prepared: its rows, encoded.

    Raises:
        RecipeError: as there.
    """
    config = read_config(model_folder(recipe.model.path, recipe.model.revision, weights=False))
    splits = {name: split for name, split in prepared.encoded.items() if name != "test"}
    lengths = {name: prepared.task.lengths(split) for name, split in splits.items()}
    _require_apart(
        recipe,
        lengthens_beyond(config),
        lengths,
        # Of a pair two encoded rows are one to the trainer.
        lambda name: len(lengths[name]) == len(splits[name]),
    )
    window = planned_look_back(config)
    if window is None or why_config_unsupported(config) is not None:
        return
    beyond = {
        name: int((split.lengths.reshape(len(lengths[name]), -1).max(1) > window).sum())
        for name, split in splits.items()
        if len(split)
    }
    totals = {name: len(each) for name, each in lengths.items()}
    _require_roundable(recipe, beyond, _told(window, beyond, totals))


def settle_long_rows(recipe: Recipe, model: TaskModel, rows: Mapping[str, Rows]) -> None:
    """Says, or refuses, what rows of this length change.

    Args:
        recipe: the whole of it.
        model: is told which of its rows the trunk does not take.
        rows: by split, as the task has them.

    Raises:
        RecipeError: a row's loss would depend on its neighbours; or rows are too long for products
            in eight bits.
    """
    _require_apart(
        recipe,
        lengthens_beyond(model.model.config),
        {name: each.lengths for name, each in rows.items()},
        lambda name: len(rows[name].batch([0]).lengths) <= 1,
    )
    if model.trunk is None or model.trunk.look_back is None:
        return
    beyond = {name: _n_beyond(model.trunk, each) for name, each in rows.items()}
    if not any(beyond.values()):
        return
    totals = {name: len(each.lengths) for name, each in rows.items()}
    told = _told(model.trunk.look_back, beyond, totals)
    _require_roundable(recipe, beyond, told)
    model.beyond_trunk = told
    print(f"train.fused: the forward is {model.way}.", file=sys.stderr)


def _told(window: int, beyond: Mapping[str, int], totals: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name}: {n:,} of {totals[name]:,}" for name, n in beyond.items())
    return f"micro-batches with a row of more than {window:,} tokens ({listed})"


def _require_roundable(recipe: Recipe, beyond: Mapping[str, int], told: str) -> None:
    """Checks that no row whose products are to be in eight bits is computed another way."""
    if recipe.train.frozen_products == "int8" and beyond.get("train"):
        refuse_rounding(f"it is the fused trunk's, and transformers' forward computes {told}")


def _n_beyond(trunk: Any, rows: Rows) -> int:
    """Rows that are longer than attention looks back; of a pair its longer side counts."""
    may_be = np.flatnonzero(np.asarray(rows.lengths) > trunk.look_back)
    return sum(not trunk.takes(rows.batch([int(row)])) for row in may_be)


def _require_apart(
    recipe: Recipe,
    most: int | None,
    lengths: Mapping[str, Sequence[int] | np.ndarray],
    is_one_row: Callable[[str], bool],
) -> None:
    """Checks that no row's angles are those of a longer one beside it.

    Args:
        recipe: the whole of it.
        most: tokens of a row beyond which its angles are others; None: they never are.
        lengths: by split, of the trainer's rows.
        is_one_row: whether each of the trainer's rows in a split is one to the model.
    """
    if most is None:
        return
    longest = {name: int(max(each, default=0)) for name, each in lengths.items()}
    is_long = [name for name in lengths if longest[name] > most]
    train = recipe.train
    is_alone = (
        train.micro_batch_size == train.eval_batch_size == 1
        and train.packing is not True
        and all(map(is_one_row, is_long))
    )
    if not is_long or is_alone:
        return
    raise RecipeError(
        f"{recipe.model.path}: its rotary embedding computes what stands beside a row of more than "
        f"{most:,} tokens in another way than alone, and the longest row has "
        f"{max(longest.values()):,}, so that a row's loss would depend on its neighbours. Set "
        f"data.max_tokens={most}; or, where an example is one row, train.micro_batch_size=1 and "
        "train.eval_batch_size=1."
    )
