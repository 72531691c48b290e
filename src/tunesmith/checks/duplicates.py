"""Duplicates: rows that repeat another word for word, or ask the same and answer otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.keys import repeats
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows


class Duplicates:
    """Compares rows of one split by the keys that are kept of all rows anyway."""

    def look(self, portion: Portion) -> None:
        """Needs nothing beside the keys."""

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells each split's repeated rows, and its prompts with several answers."""
        for split in dict.fromkeys(rows.splits):
            numbers = np.flatnonzero(rows.in_splits(split))
            again, first = repeats(rows.pairs[numbers])
            if len(again):
                yield Finding(
                    "exact-duplicates",
                    "warning",
                    len(again),
                    f"{rows_text(len(again), 'repeat')} an earlier one of {split}: same prompt, "
                    "same answer",
                    "Take the repeats out, or leave them where a row should count more.",
                    rows.places_of_pairs(numbers[first], numbers[again]),
                )
            distinct = np.delete(numbers, again)
            other, base = repeats(rows.prompts[distinct])
            if len(other):
                n_prompts = len(np.unique(base))
                yield Finding(
                    "several-answers",
                    "info",
                    len(other) + n_prompts,
                    f"{n_prompts:,} prompt{'s' * (n_prompts > 1)} of {split} "
                    f"{'have' if n_prompts > 1 else 'has'} several answers, in "
                    f"{rows_text(len(other) + n_prompts)}",
                    "Sound where answers may differ; else keep the right one.",
                    rows.places_of_pairs(distinct[base], distinct[other]),
                )
