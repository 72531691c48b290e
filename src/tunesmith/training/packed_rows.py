"""Packed rows: a task's rows as batches of one line without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tunesmith.model.packed import packed

if TYPE_CHECKING:
    import numpy as np

    from tunesmith.model.batch import Batch
    from tunesmith.training.passes import Rows


class PackedRows:
    """The rows of a source; what it pads stands in one line instead."""

    def __init__(self, source: Rows) -> None:
        self.source = source

    @property
    def lengths(self) -> Sequence[int] | np.ndarray:
        """Tokens of each row."""
        return self.source.lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """Some rows in one line."""
        return packed(self.source.batch(rows))

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return self.source.places(rows)
