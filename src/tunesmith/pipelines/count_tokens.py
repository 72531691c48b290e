"""Count tokens: what data comes to once it is encoded, and a forecast of padding and packing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.ledger import Ledger
from tunesmith.data.packing import pack
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import Recipe
from tunesmith.training.batching import Batching, fixed_batching
from tunesmith.training.plan import plan_epoch

MASKED = "every token is masked"
"""How the ledger words it that nothing of a row is learnt."""


@dataclass(frozen=True)
class Tokens:
    """What the data comes to in tokens.

    Attributes:
        ledger: what became of every row.
        files: by file: tokens, and how many of them are learnt.
        rows: by split, [R, 2]: the tokens of each row, and how many of them are learnt.
        n_without_end: by split, rows whose answer does not end with a token that ends answers.
        recipe: batch and seed of the forecast.
        max_tokens: limit of a row.
        planned: positions of each row of train that the trainer asks for; a pair is one.
    """

    ledger: Ledger
    files: dict[str, tuple[int, int]]
    rows: dict[str, np.ndarray]
    n_without_end: dict[str, int]
    recipe: Recipe
    max_tokens: int
    planned: np.ndarray

    def lengths(self, split: str) -> np.ndarray:
        """Tokens of each row, [R]."""
        return self.rows[split][:, 0]

    def as_dict(self) -> dict[str, Any]:
        """Counts by split and the forecast for train, ready for JSON."""
        splits = {
            split: {
                "rows": len(rows),
                "tokens": int(rows[:, 0].sum()),
                "supervised_tokens": int(rows[:, 1].sum()),
                "wholly_masked": self._n_masked(split),
                "without_end": self.n_without_end[split],
            }
            for split, rows in self.rows.items()
        }
        files = {path: {"tokens": t, "supervised_tokens": s} for path, (t, s) in self.files.items()}
        return {
            "max_tokens": self.max_tokens,
            "splits": splits,
            "files": files,
            "forecast": self.forecast(),
        }

    def _n_masked(self, split: str) -> int:
        """Rows of which nothing is learnt: those that are left, and those rejected for it."""
        rejected = self.ledger[split].n_reasons.items()
        named = sum(n for (_, reason), n in rejected if MASKED in reason)
        return named + int((self.rows[split][:, 1] == 0).sum())

    def forecast(self) -> dict[str, Any]:
        """Padding at the recipe's batch, at random and by length, and rows if packed."""
        lengths = self.lengths("train")
        n_packed = len(pack(lengths, self.max_tokens))
        padded = self._padded
        return {
            "at_once": f"{padded.limit:,} {padded.unit}",
            "padding_fraction_at_random": self._padding(by_length=False),
            "padding_fraction_by_length": self._padding(by_length=True),
            "packed_rows": n_packed,
            "packed_fill_fraction": round(lengths.sum() / (n_packed * self.max_tokens), 4),
        }

    @property
    def _padded(self) -> Batching:
        """The recipe's micro-batches, as they are where nothing is measured, padded."""
        train = self.recipe.train.model_copy(update={"packing": False})
        return fixed_batching(train, self.planned, "cpu")

    def _padding(self, *, by_length: bool) -> float:
        train, lengths = self.recipe.train, self.planned
        steps = plan_epoch(
            lengths.tolist(),
            batch_size=train.batch_size,
            batching=self._padded,
            seed=train.seed,
            epoch=0,
            group_by_length=by_length,
        )
        held = sum(len(batch) * int(lengths[batch].max()) for step in steps for batch in step)
        return round(1 - float(self.lengths("train").sum()) / held, 4)


def count_tokens(recipe: Recipe) -> Tokens:
    """Encodes a recipe's data as training would.

    Raises:
        DataError: nothing is left to learn from, or the task takes other examples.
    """
    try:
        prepared = prepare(recipe, weights=False, strict=False)
    except DataError:  # an answer does not fit: what would stop a run is counted here instead
        if recipe.data.cut_answers or recipe.data.too_long != "cut":
            raise
        lenient = recipe.data.model_copy(update={"cut_answers": True})
        prepared = prepare(recipe.model_copy(update={"data": lenient}), weights=False, strict=False)
    files: Counter[str] = Counter()
    learnt: Counter[str] = Counter()
    for encoded in prepared.encoded.values():
        tokens = zip(encoded.files(), encoded.lengths, encoded.n_learnt, strict=True)
        for file, n_tokens, n_learnt in tokens:
            files[file] += int(n_tokens)
            learnt[file] += int(n_learnt)
    by_file = {file: (files[file], learnt[file]) for file in files}
    rows = {
        split: np.stack([encoded.lengths, encoded.n_learnt], 1)
        for split, encoded in prepared.encoded.items()
    }
    without_end = {split: prepared.ledger[split].n_without_end for split in rows}
    limit = prepared.limits.max_tokens
    planned = prepared.task.lengths(prepared.encoded["train"])
    return Tokens(prepared.ledger, by_file, rows, without_end, recipe, limit, planned)
