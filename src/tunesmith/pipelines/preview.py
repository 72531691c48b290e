"""Preview: the first examples exactly as the model sees them; needs no torch."""

from __future__ import annotations

from typing import Any

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.pipelines.prepare import Prepared, prepare
from tunesmith.recipe import Recipe
from tunesmith.templates.tokenizer import Tokenizer


def preview(recipe: Recipe, *, n_examples: int = 3, split: str = "train") -> dict[str, Any]:
    """Encodes a recipe's data and shows its first rows.

    Args:
        recipe: the whole of it; the model's weights are not needed.
        n_examples: rows shown.
        split: of which split.

    Returns:
        ``template`` (None where the task uses none), ``max_tokens``, ``ledger``, and ``examples``:
        each with ``origin``, ``input_ids``, ``supervised`` and ``runs``: (text, whether it is
        learnt) in order.

    Raises:
        DataError: there is no such split.
    """
    prepared = prepare(recipe, weights=False)
    if split not in prepared.encoded:
        raise DataError(f"no split {split!r} here. {did_you_mean(split, prepared.encoded)}")
    rows = prepared.encoded[split][:n_examples]
    template = prepared.template.model_dump(mode="json") if recipe.task.uses_template else None
    return {
        "template": template,
        "max_tokens": prepared.limits.max_tokens,
        "ledger": prepared.ledger.as_dict(),
        "examples": [_shown(prepared, row.input_ids, row.supervised, row.origin) for row in rows],
    }


def _shown(prepared: Prepared, ids: Any, supervised: Any, origin: str) -> dict[str, Any]:
    flags = [bool(flag) for flag in supervised]
    tokens = [int(token) for token in ids]
    return {
        "origin": origin,
        "input_ids": tokens,
        "supervised": flags,
        "runs": _runs(prepared.tokenizer, tokens, flags),
    }


def _runs(tokenizer: Tokenizer, ids: list[int], flags: list[bool]) -> list[tuple[str, bool]]:
    """Consecutive tokens that are all learnt, or all not, as text."""
    runs: list[tuple[str, bool]] = []
    start = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or flags[place] != flags[start]:
            text = tokenizer.decode(ids[start:place], continues=start > 0, special=True)
            runs.append((text, flags[start]))
            start = place
    return runs
