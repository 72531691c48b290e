"""Prepare: the part of every verb that needs no torch: data -> token ids, with the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tunesmith.core.errors import DataError, ModelError
from tunesmith.core.ledger import Ledger
from tunesmith.data.read import Row, nothing_to_learn, read_rows, summed_up
from tunesmith.data.split import Splits, split_rows, too_few
from tunesmith.model.source import load_tokenizer, model_folder, read_config
from tunesmith.pipelines.account import account
from tunesmith.pipelines.encode import encoded_store
from tunesmith.recipe import Recipe
from tunesmith.tasks.store import FATES, EncodedSplit, Store
from tunesmith.tasks.task import Limits, Task
from tunesmith.templates import TEMPLATES
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

LONGEST_BY_DEFAULT = 2048


@dataclass(frozen=True)
class Prepared:
    """Everything a recipe's data comes to before a model is loaded."""

    folder: Path
    """Of the base model."""
    tokenizer: Tokenizer
    template: Template
    limits: Limits
    task: Task
    """Settled by the training rows."""
    store: Store
    splits: Splits
    encoded: dict[str, EncodedSplit]
    ledger: Ledger

    def identity(self) -> dict[str, str]:
        """Hashes of what the model sees."""
        template = json.dumps(self.template.model_dump(mode="json"), sort_keys=True)
        ids = hashlib.sha256()
        train = self.encoded["train"]
        ids.update(train.lengths.tobytes())
        for row in np.unique(train.rows):
            tokens, weights = self.store.arrays(int(row))
            ids.update(tokens.astype(np.int32).tobytes())
            ids.update(weights.tobytes())
        return {
            "data": self.splits.fingerprint(self.store.source.keys),
            "template": hashlib.sha256(template.encode()).hexdigest(),
            "tokenizer": self.tokenizer.fingerprint,
            "token_ids": ids.hexdigest(),
        }


def prepare(recipe: Recipe, *, weights: bool = True, strict: bool = True) -> Prepared:
    """Reads the data and turns it into token ids.

    Args:
        recipe: the whole of it.
        weights: whether the model's weights are needed afterwards.
        strict: whether rows that cannot be used stop it, where the recipe says so.

    Raises:
        DataError: there is nothing to learn, or a row cannot be used.
        ModelError: model or tokenizer cannot be found or used.
    """
    wants_weights = weights and recipe.model.init == "pretrained"
    folder = model_folder(recipe.model.path, recipe.model.revision, weights=wants_weights)
    tokenizer = load_tokenizer(folder)
    template = choose_template(recipe.template, tokenizer)
    limits = limits_of(recipe, folder)
    store = encoded_store(recipe.data, recipe.task, template, tokenizer, limits)
    if strict and recipe.data.bad_rows == "error":
        _refuse_bad_rows(store)
    if not (store.source.keys.is_usable & (store.source.keys.split == 0)).any():
        raise DataError(nothing_to_learn(recipe.data, _rejected(store)))
    splits = split_rows(store.source.keys, recipe.data, recipe.train.seed)
    encoded = {name: EncodedSplit(store, store.rows_of(rows)) for name, rows in splits.rows.items()}
    if splits.divided:
        encoded = _divided(encoded, recipe.data.validation_fraction, recipe.task)
    task, refused = recipe.task, dict[int, str]()
    if len(encoded["train"]):
        task = task.settled(encoded["train"], _known(recipe))
        encoded, refused = _fitting(task, encoded)
    if strict and recipe.data.bad_rows == "error" and refused:
        raise summed_up([f"{store.origins()[row]}: {refused[row]}" for row in sorted(refused)])
    ledger = account(store, splits, encoded, refused)
    for split in encoded:
        if not len(encoded[split]) and (strict or split == "train"):
            raise DataError(_nothing_left(split, ledger))
    for split in encoded.values():
        task.require_rows(split, recipe.loss)
    encoded = {name: task.arranged(split, limits) for name, split in encoded.items()}
    return Prepared(folder, tokenizer, template, limits, task, store, splits, encoded, ledger)


def split_of(prepared: Prepared, recipe: Recipe, split: str) -> Iterator[Row]:
    """Reads the examples of one split again, without holding the others; in file order."""
    wanted = set(prepared.splits.rows[split].tolist())
    rows = (row for row in read_rows(recipe.data) if isinstance(row, Row))
    return (row for number, row in enumerate(rows) if number in wanted)


def choose_template(chosen: Template | None, tokenizer: Tokenizer) -> Template:
    """The template of a recipe: the one it names, else the tokenizer's own, else Alpaca's."""
    if chosen is not None:
        return chosen
    return TEMPLATES.parse("native" if tokenizer.chat_template else "alpaca")


def limits_of(recipe: Recipe, folder: Path) -> Limits:
    """How long an example may be.

    Args:
        recipe: the whole of it.
        folder: of the model, whose positions are the upper bound.

    Raises:
        ModelError: the recipe wants more than the model has positions.
    """
    data = recipe.data
    limits = Limits(LONGEST_BY_DEFAULT, data.too_long, data.cut_from, data.cut_answers)
    config = read_config(folder) if (folder / "config.json").exists() else {}
    positions = int(config.get("max_position_embeddings", LONGEST_BY_DEFAULT))
    if data.max_tokens is None:
        return replace(limits, max_tokens=min(positions, LONGEST_BY_DEFAULT))
    if data.max_tokens > positions:
        raise ModelError(
            f"data.max_tokens={data.max_tokens}, and the model in {folder} has {positions} "
            f"positions. Set data.max_tokens to {positions} or less."
        )
    return replace(limits, max_tokens=data.max_tokens)


def _known(recipe: Recipe) -> tuple[str, ...]:
    """Names of the classes that the head tells apart which the task's own starts from."""
    if recipe.task.planned_head() is None:
        return ()
    from tunesmith.pipelines.start import started_labels  # it stands above this file

    return started_labels(recipe)


def _fitting(
    task: Task, encoded: dict[str, EncodedSplit]
) -> tuple[dict[str, EncodedSplit], dict[int, str]]:
    """The splits without what the settled task cannot use, and for those source rows why."""
    refused: dict[int, str] = {}
    fitting: dict[str, EncodedSplit] = {}
    for name, split in encoded.items():
        unfit = task.unfit(split, encoded["train"])
        if unfit:
            refused |= {split.source_row(place): reason for place, reason in unfit.items()}
            split = EncodedSplit(split.store, np.delete(split.rows, list(unfit)))
        fitting[name] = split
    return fitting, refused


def _rejected(store: Store) -> list[str]:
    """The rows that cannot be used, each with its place and the reason."""
    numbers = np.flatnonzero(store.source.fate == FATES.index("rejected"))
    origins = store.origins() if len(numbers) else []
    return [f"{origins[i]}: {store.source.reasons[store.source.reason[i]]}" for i in numbers]


def _refuse_bad_rows(store: Store) -> None:
    if problems := _rejected(store):
        raise summed_up(problems)


def _divided(
    encoded: dict[str, EncodedSplit], fraction: float, task: Task
) -> dict[str, EncodedSplit]:
    """Holds the last windows of a single text out; what is one row to the trainer stays whole."""
    store, rows = encoded["train"].store, encoded["train"].rows
    n_rows = len(task.lengths(encoded["train"])) if len(rows) else 0
    n_held_out = max(1, round(n_rows * fraction))
    if n_held_out >= n_rows:
        raise too_few(store.origin(int(rows[0])) if len(rows) else str(store.origins()[0]))
    n_kept = (n_rows - n_held_out) * (len(rows) // n_rows)
    return {
        **encoded,
        "train": EncodedSplit(store, rows[:n_kept]),
        "validation": EncodedSplit(store, rows[n_kept:]),
    }


def _nothing_left(split: str, ledger: Ledger) -> str:
    counts = ledger[split].as_dict()
    told = "; ".join(f"{r['rows']} {r['fate']}: {r['reason']}" for r in counts["reasons"])
    is_long = any("longer than" in r["reason"] for r in counts["reasons"])
    way_out = "Raise data.max_tokens." if is_long else "Mend them, or choose other data."
    return f"none of {counts['read']} {split} rows is left ({told}). {way_out}"
