"""Ids: questions that carry the same one, so that their scores would be mixed up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.keys import keys, repeats, text_key
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows
from tunesmith.core.examples import SpanQuestion


class Ids:
    """Keeps twelve bytes of each row that has an id."""

    def __init__(self) -> None:
        self._rows = bytearray()
        self._keys = bytearray()

    def look(self, portion: Portion) -> None:
        """Notes the ids of questions."""
        for row, example in enumerate(portion.examples, portion.first):
            if isinstance(example, SpanQuestion) and example.id:
                self._rows += row.to_bytes(4, "little")
                self._keys += text_key(example.id)

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells rows whose id an earlier row has."""
        numbers = np.frombuffer(self._rows, "<u4").astype(np.int64)
        again, first = repeats(keys(self._keys))
        if len(again):
            yield Finding(
                "duplicate-ids",
                "warning",
                len(again),
                f"{rows_text(len(again), 'have')} the id of an earlier row",
                "Give every question an id of its own: answers are scored by it.",
                rows.places_of_pairs(numbers[first], numbers[again]),
            )
