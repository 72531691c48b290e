"""What would fit: settings that bring a recipe's need for memory under what is free."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from tunesmith.core.errors import RecipeError
from tunesmith.methods import METHODS
from tunesmith.methods.method import Method
from tunesmith.model.shape import Shape
from tunesmith.pipelines.memory import Portions, device_type, memory_mb, n_tokens_at_once
from tunesmith.recipe import Recipe, apply_override
from tunesmith.training.batching import fixed_batching


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
        share = n_tokens_at_once(changed, portions) / n_tokens_at_once(recipe, portions)
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


def _changes(recipe: Recipe, portions: Portions) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    train, longest = recipe.train, portions.longest
    by_rows = fixed_batching(train, [longest], device_type(recipe)).tokens_at_once is None
    n_tokens = n_tokens_at_once(recipe, portions)
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
