"""Harness rows: what of a context and its continuation a model reads, and what of it is scored."""

from __future__ import annotations

import numpy as np

from tunesmith.core.errors import DataError


def row_within(ids: np.ndarray, n_scored: int, max_positions: int) -> np.ndarray:
    """The end of a context with its continuation, as the harness's own model takes it.

    The last token is foretold and never read, so one more than the window has may stay.

    Args:
        ids: [T] of both together, behind the token that begins a document.
        n_scored: tokens of the continuation, at the end.
        max_positions: tokens that the model reads at once.

    Raises:
        DataError: the continuation alone is longer, so that its first tokens have nothing before
            them.
    """
    if n_scored > max_positions:
        raise DataError(
            f"a continuation of {n_scored:,} tokens cannot be scored: the model reads "
            f"{max_positions:,} at once. Leave such examples out of the task, or take a model with "
            "a longer window."
        )
    return ids[-(max_positions + 1) :]
