"""Leaks: what stands both in training and in evaluation, so that scores measure memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import EVALUATION, Rows

FIX = "Take them out of one side, or let them pass with --allow-leaks."


class Leaks:
    """Compares the splits by the keys that are kept of all rows anyway."""

    def __init__(self, *, allowed: bool) -> None:
        self.allowed = allowed

    def look(self, portion: Portion) -> None:
        """Needs nothing beside the keys."""

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells the same pairs, the same prompts, and rows of one document, by split."""
        train = np.flatnonzero(rows.in_splits("train"))
        for split in EVALUATION:
            held_out = np.flatnonzero(rows.in_splits(split))
            if not len(held_out) or not len(train):
                continue
            same_pair = _shared(rows.pairs, train, held_out)
            same_prompt = _shared(rows.prompts, train, held_out)
            same_prompt = same_prompt[~np.isin(same_prompt[:, 1], same_pair[:, 1])]
            severity = "info" if self.allowed else "error"
            for name, pairs, what in (
                ("leaked-rows", same_pair, "in train too: same prompt, same answer"),
                ("leaked-prompts", same_prompt, "in train too: same prompt, another answer"),
            ):
                if len(pairs):
                    fact = f"{rows_text(len(pairs), 'stand')} in {split} and {what}"
                    places = rows.places_of_pairs(pairs[:, 0], pairs[:, 1])
                    yield Finding(name, severity, len(pairs), fact, FIX, places)
            yield from _groups(rows, train, held_out, split)


def _groups(rows: Rows, train: np.ndarray, held_out: np.ndarray, split: str) -> Iterator[Finding]:
    keys = rows.groups
    told = np.flatnonzero(keys)
    pairs = _shared(keys, np.intersect1d(train, told), np.intersect1d(held_out, told))
    if len(pairs):
        yield Finding(
            "shared-groups",
            "warning",
            len(pairs),
            f"{rows_text(len(pairs), 'come')} in {split} from a document or dialogue of train",
            "Split by it: set data.split_by=group, or divide the files by document.",
            rows.places_of_pairs(pairs[:, 0], pairs[:, 1]),
        )


def _shared(keys: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """(training row, evaluation row) for each evaluation row whose key is in train, [K, 2]."""
    known, first = np.unique(keys[train], return_index=True)
    shared = held_out[np.isin(keys[held_out], known)]
    partner = train[first[np.searchsorted(known, keys[shared])]]
    return np.stack([partner, shared], 1)
