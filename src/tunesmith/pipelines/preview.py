"""Preview: the first examples exactly as the model sees them; needs no torch, but for losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tunesmith.core.errors import DataError, RecipeError, did_you_mean
from tunesmith.core.extras import require
from tunesmith.pipelines.prepare import Prepared, prepare
from tunesmith.recipe import Recipe
from tunesmith.tasks.task import EncodedExample
from tunesmith.templates.tokenizer import Tokenizer


def preview(
    recipe: Recipe, *, n_examples: int = 3, split: str = "train", with_loss: bool = False
) -> dict[str, Any]:
    """Encodes a recipe's data and shows its first rows.

    Args:
        recipe: the whole of it; the model's weights are needed for losses only.
        n_examples: rows shown.
        split: of which split.
        with_loss: whether the model that is to be tuned tells its loss on every run of tokens.

    Returns:
        ``template`` (None where the task uses none), ``max_tokens``, ``ledger``, and ``examples``:
        each with ``origin``, ``told`` (such as the side of a pair), ``input_ids``, ``weights``,
        ``tokens`` (the text of each), and ``runs``: consecutive tokens of one weight, each with
        ``text``, ``weight``, ``first`` and ``n_tokens``, and with losses ``loss``, the mean over
        its tokens in nats.

    Raises:
        DataError: there is no such split.
    """
    prepared = prepare(recipe, weights=with_loss)
    if with_loss and prepared.task.head() is not None:
        raise RecipeError(
            f"task {recipe.task.name!r} learns with a new head, so the model has no loss on tokens "
            "to show. Leave --loss away."
        )
    if split not in prepared.encoded:
        raise DataError(f"no split {split!r} here. {did_you_mean(split, prepared.encoded)}")
    encoded = prepared.encoded[split]
    # Both sides of a pair are shown; windows of one text count by themselves.
    n_shown = n_examples * (len(encoded) // max(1, len(prepared.task.lengths(encoded))))
    rows: list[EncodedExample] = encoded[:n_shown]
    template = prepared.template.model_dump(mode="json") if recipe.task.uses_template else None
    examples = [
        {**_shown(prepared.tokenizer, row), "told": prepared.task.told(row)} for row in rows
    ]
    if with_loss:
        _add_losses(recipe, prepared, rows, examples)
    return {
        "template": template,
        "max_tokens": prepared.limits.max_tokens,
        "ledger": prepared.ledger.as_dict(),
        "notices": prepared.ledger.notices,
        "examples": examples,
    }


def _shown(tokenizer: Tokenizer, row: EncodedExample) -> dict[str, Any]:
    ids, weights = row.input_ids.tolist(), row.weights.tolist()
    return {
        "origin": row.origin,
        "input_ids": ids,
        "weights": [round(weight, 6) for weight in weights],
        "tokens": _texts(tokenizer, ids),
        "runs": _runs(tokenizer, ids, row.weights),
    }


def _texts(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    """The text of every token; a part of a character is shown as the tokenizer names it.

    Each is decoded behind the one before it: alone it would lose the space it begins with.
    """
    texts: list[str] = []
    for place, token in enumerate(ids):
        before = tokenizer.decode(ids[max(0, place - 1) : place], special=True)
        both = tokenizer.decode(ids[max(0, place - 1) : place + 1], special=True)
        text = both[len(before) :] if both.startswith(before) else ""
        is_whole = text and "\ufffd" not in text
        texts.append(text if is_whole else str(tokenizer.fast.id_to_token(token)))
    return texts


def _runs(tokenizer: Tokenizer, ids: list[int], weights: np.ndarray) -> list[dict[str, Any]]:
    """Consecutive tokens of one weight, as text."""
    starts = [0, *(np.flatnonzero(np.diff(weights)) + 1).tolist(), len(ids)]
    return [
        {
            "text": tokenizer.decode(ids[start:stop], continues=start > 0, special=True),
            "weight": round(float(weights[start]), 6),
            "first": start,
            "n_tokens": stop - start,
        }
        for start, stop in zip(starts[:-1], starts[1:], strict=True)
        if stop > start
    ]


def _add_losses(
    recipe: Recipe, prepared: Prepared, rows: list[EncodedExample], examples: list[dict[str, Any]]
) -> None:
    """Gives every run its mean loss under the model that is to be tuned."""
    require("torch", extra="train", purpose="Showing losses")
    require("transformers", extra="train", purpose="Showing losses")
    import torch

    from tunesmith.model.device import default_device
    from tunesmith.model.load import load_model

    device = default_device()
    model = load_model(recipe.model, device=device, seed=recipe.train.seed).eval()
    for row, example in zip(rows, examples, strict=True):
        ids = torch.as_tensor(row.input_ids[None].astype(np.int64), device=device)
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].float()  # [T - 1, V]
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        of_token = [None, *losses.tolist()]  # nothing predicts the first
        for run in example["runs"]:
            told = [x for x in of_token[run["first"] :][: run["n_tokens"]] if x is not None]
            run["loss"] = sum(told) / len(told) if told else None
