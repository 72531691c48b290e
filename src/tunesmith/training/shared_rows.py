"""Shared rows: a task's rows as batches in which what they begin with alike is there once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tunesmith.model.tree_rows import planted, rows_of, tree_of
from tunesmith.training.arrangement import arranged

if TYPE_CHECKING:
    import numpy as np

    from tunesmith.model.batch import Batch
    from tunesmith.training.batching import Batching
    from tunesmith.training.passes import Rows
    from tunesmith.training.plan import Step
    from tunesmith.training.sharing import Sharing


class SharedRows:
    """The rows of a source; a padded batch of which a prefix is shared stands in one line."""

    def __init__(self, source: Rows, sharing: Sharing) -> None:
        self.source = source
        self.sharing = sharing

    @property
    def lengths(self) -> Sequence[int] | np.ndarray:
        """Tokens of each row."""
        return self.source.lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """Some rows, as a tree where that pays, else as the source has them."""
        return shared(self.source.batch(rows), self.sharing)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return self.source.places(rows)


def arrangement(rows: Rows, batching: Batching) -> Callable[[Step], Step] | None:
    """What puts a step's rows with a common prefix into one micro-batch; None: nothing does.

    A pair is two rows, which share their prompt whatever the micro-batch; of rows whose states
    below the first trained layer are known, little is left to share.

    Args:
        rows: that are trained on.
        batching: the limits of a micro-batch.

    Returns:
        From a planned step to one with the same rows; a pure function.
    """
    if not isinstance(rows, SharedRows) or not len(rows.lengths):
        return None
    source, sharing = rows.source, rows.sharing
    one = source.batch([0])
    if len(one.lengths) != 1 or one.cu_seqlens is not None or one.below is not None:
        return None

    def arrange(step: Step) -> Step:
        if len(step) < 2:
            return step
        numbers = [row for micro in step for row in micro]
        ids = dict(zip(numbers, rows_of(source.batch(numbers)), strict=True))
        return arranged(step, ids, sharing, batching)

    return arrange


def shared(batch: Batch, sharing: Sharing) -> Batch:
    """A batch as a tree where that pays, else as it is.

    Args:
        batch: on the host; one that is no padded batch with ``lengths`` stays as it is.
        sharing: decides.

    Returns:
        A batch that knows its tokens; they are counted where it is used, see :func:`count`.
    """
    if batch.beside is not None:
        batch = replace(batch, beside=shared(batch.beside, sharing))
    if not batch.lengths or batch.cu_seqlens is not None:
        return batch
    if batch.below is not None and batch.below.layer is None:
        return batch  # no token is computed any more
    n_tokens = sum(batch.lengths)
    is_kept_apart = sharing.longest is not None and max(batch.lengths) > sharing.longest
    tree = None if is_kept_apart else tree_of(batch, sharing.least_tokens)
    if tree is None or not tree.n_saved:
        return replace(batch, sharing=(n_tokens, n_tokens))
    return replace(planted(batch, tree), sharing=(n_tokens, tree.n_tokens))


def count(rows: object, batches: Iterable[Batch]) -> None:
    """Counts batches that were learnt from.

    A batch may be made in advance and never used, or be only measured: making one counts nothing.

    Args:
        rows: of which the batches are, however they are wrapped.
        batches: what is beside one is not learnt from, and so not counted.
    """
    sharing = sharing_of(rows)
    if sharing is None:
        return
    for batch in batches:
        n_tokens, n_computed = batch.sharing
        sharing.n_tokens += n_tokens
        sharing.n_computed += n_computed


def sharing_of(rows: object) -> Sharing | None:
    """What decides over rows, however they are wrapped; None: nothing of them is shared."""
    while not isinstance(rows, SharedRows):
        if not hasattr(rows, "source"):
            return None
        rows = rows.source  # pyright: ignore[reportAttributeAccessIssue]
    return rows.sharing
