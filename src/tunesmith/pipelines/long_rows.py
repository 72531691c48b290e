"""Long rows: those that a model computes in another way, or not apart from what is beside them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.errors import RecipeError
from tunesmith.pipelines.frozen_products import refuse_rounding
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.passes import Rows


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
    _require_apart(recipe, model.model.config, rows)
    if model.trunk is None or model.trunk.look_back is None:
        return
    beyond = {name: _n_beyond(model.trunk, each) for name, each in rows.items()}
    if not any(beyond.values()):
        return
    listed = ", ".join(
        f"{name}: {n:,} of {len(rows[name].lengths):,}" for name, n in beyond.items()
    )
    told = f"micro-batches with a row of more than {model.trunk.look_back:,} tokens ({listed})"
    if recipe.train.frozen_products == "int8" and beyond["train"]:
        refuse_rounding(f"it is the fused trunk's, and transformers' forward computes {told}")
    model.beyond_trunk = told
    print(f"train.fused: the forward is {model.way}.", file=sys.stderr)


def _n_beyond(trunk: Any, rows: Rows) -> int:
    """Rows that are longer than attention looks back; of a pair its longer side counts."""
    may_be = np.flatnonzero(np.asarray(rows.lengths) > trunk.look_back)
    return sum(not trunk.takes(rows.batch([int(row)])) for row in may_be)


def _require_apart(recipe: Recipe, config: Any, rows: Mapping[str, Rows]) -> None:
    """Checks that no row's angles are those of a longer one beside it."""
    from tunesmith.model.lengthening import lengthens_beyond

    most = lengthens_beyond(config)
    if most is None:
        return
    longest = {name: int(max(each.lengths, default=0)) for name, each in rows.items()}
    is_long = [name for name in rows if longest[name] > most]
    train = recipe.train
    is_alone = (
        train.micro_batch_size == train.eval_batch_size == 1
        and train.packing is not True
        and all(len(rows[name].batch([0]).lengths) <= 1 for name in is_long)
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
