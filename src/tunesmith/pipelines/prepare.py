"""Prepare: the part of every verb that needs no torch: data -> token ids, with the ledger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tunesmith.core.errors import DataError, ModelError
from tunesmith.core.examples import Example
from tunesmith.core.ledger import Ledger
from tunesmith.data.read import Examples, read_examples
from tunesmith.data.split import data_fingerprint, split_examples
from tunesmith.model.source import load_tokenizer, model_folder, read_config
from tunesmith.recipe import Recipe
from tunesmith.tasks.task import EncodedExample, Limits
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
    examples: Examples
    encoded: dict[str, list[EncodedExample]]
    ledger: Ledger

    def identity(self) -> dict[str, str]:
        """Hashes of what the model sees."""
        template = json.dumps(self.template.model_dump(mode="json"), sort_keys=True)
        ids = hashlib.sha256()
        for example in self.encoded["train"]:
            ids.update(example.input_ids.tobytes())
            ids.update(example.supervised.tobytes())
        return {
            "data": data_fingerprint(self.examples),
            "template": hashlib.sha256(template.encode()).hexdigest(),
            "tokenizer": self.tokenizer.fingerprint,
            "token_ids": ids.hexdigest(),
        }


def read_data(recipe: Recipe, ledger: Ledger) -> Examples:
    """Reads and splits the recipe's examples."""
    return split_examples(
        read_examples(recipe.data, ledger),
        validation_fraction=recipe.data.validation_fraction,
        seed=recipe.train.seed,
        ledger=ledger,
    )


def prepare(recipe: Recipe, *, weights: bool = True) -> Prepared:
    """Reads the data and turns it into token ids.

    Args:
        recipe: the whole of it.
        weights: whether the model's weights are needed afterwards.

    Raises:
        DataError: there is nothing to learn, or a row cannot be used.
        ModelError: model or tokenizer cannot be found or used.
    """
    wants_weights = weights and recipe.model.init == "pretrained"
    folder = model_folder(recipe.model.path, recipe.model.revision, weights=wants_weights)
    tokenizer = load_tokenizer(folder)
    template = choose_template(recipe.template, tokenizer)
    limits = Limits(_max_tokens(recipe, folder), recipe.data.too_long)
    ledger = Ledger()
    examples = read_data(recipe, ledger)
    encoded = {
        split: recipe.task.encode_all(rows, template, tokenizer, limits, ledger[split])
        for split, rows in examples.items()
    }
    if not encoded["train"]:
        raise DataError(_nothing_left(ledger, examples["train"]))
    return Prepared(folder, tokenizer, template, limits, examples, encoded, ledger)


def choose_template(chosen: Template | None, tokenizer: Tokenizer) -> Template:
    """The template of a recipe: the one it names, else the tokenizer's own, else Alpaca's."""
    if chosen is not None:
        return chosen
    return TEMPLATES.parse("native" if tokenizer.chat_template else "alpaca")


def _max_tokens(recipe: Recipe, folder: Path) -> int:
    config = read_config(folder) if (folder / "config.json").exists() else {}
    positions = int(config.get("max_position_embeddings", LONGEST_BY_DEFAULT))
    wanted = recipe.data.max_tokens
    if wanted is None:
        return min(positions, LONGEST_BY_DEFAULT)
    if wanted > positions:
        raise ModelError(
            f"data.max_tokens={wanted}, and the model in {folder} has {positions} positions. "
            f"Set data.max_tokens to {positions} or less."
        )
    return wanted


def _nothing_left(ledger: Ledger, rows: list[Example]) -> str:
    reasons = ledger["train"].as_dict()["reasons"]
    told = "; ".join(f"{r['rows']} {r['fate']}: {r['reason']}" for r in reasons)
    return f"none of {len(rows)} training rows is left ({told}). Raise data.max_tokens."
