"""Sizes: one row alone, or more rows to judge by than to learn from."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.checks.finding import Finding
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import EVALUATION, Rows
from tunesmith.core.examples import Document


class Sizes:
    """Compares the numbers of rows."""

    def __init__(self) -> None:
        self._only_documents = True

    def look(self, portion: Portion) -> None:
        """Notes whether there is anything but running text, one row of which can be a book."""
        if self._only_documents:
            self._only_documents = all(isinstance(e, Document) for e in portion.examples)

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells what cannot be trained on, or not judged."""
        n_train = int(rows.in_splits("train").sum())
        if n_train == 0:
            fix = "Check data.path and data.format."
            yield Finding("no-rows", "error", 0, "no row to learn from", fix)
            return
        if n_train == 1 and not self._only_documents:
            yield Finding(
                "one-row",
                "error",
                1,
                "train holds one row alone, which can only be learnt by heart",
                "Add rows.",
                rows.places(rows.in_splits("train").nonzero()[0]),
            )
        for split in EVALUATION:
            n_rows = int(rows.in_splits(split).sum())
            if n_rows > n_train and not self._only_documents:
                yield Finding(
                    "large-evaluation",
                    "error",
                    n_rows,
                    f"{split} has {n_rows:,} rows and train only {n_train:,}",
                    "Look whether the files are swapped; else name fewer rows to judge by.",
                )
