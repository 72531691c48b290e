"""Text row: a text as tokens, cut to the limit; its last token is the one that is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Labelled
from tunesmith.tasks.task import EncodedExample, Limits, Outcome
from tunesmith.templates.tokenizer import Tokenizer


def text_ids(texts: Sequence[Labelled], tokenizer: Tokenizer) -> list[np.ndarray]:
    """Token ids of texts, [T] int32 each, behind a bos token where the tokenizer has one."""
    bos = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
    lead = np.array([] if bos is None else [bos], np.int32)
    found = tokenizer.encode_many([(example.text, "nothing") for example in texts])
    return [np.concatenate([lead, ids]) for ids in found]


def count_lead(tokenizer: Tokenizer) -> int:
    """Tokens before every text: a bos, or nothing."""
    return int(bool(tokenizer.bos) and tokenizer.id_of(tokenizer.bos) is not None)


def text_row(
    example: Labelled,
    ids: np.ndarray,
    limits: Limits,
    n_lead: int,
    values: tuple[float, ...],
    labels: tuple[str, ...],
) -> Outcome:
    """A text within the limit.

    Where its start is cut, the tokens before the text stay, if the text's own last token has room
    beside them.

    Args:
        example: the text.
        ids: its tokens, of :func:`text_ids`.
        limits: how long it may be.
        n_lead: of :func:`count_lead`.
        values: numbers to keep beside it.
        labels: names to keep beside it.

    Raises:
        DataError: it is too long and must not be.
    """
    if not len(ids):
        return Outcome(fate="rejected", reason="the text is empty")
    n_cut = len(ids) - limits.max_tokens
    if n_cut > 0:
        if limits.too_long == "error":
            raise DataError(
                f"{example.origin}: {len(ids)} tokens, and the limit is {limits.max_tokens}. Raise "
                "data.max_tokens, or set data.too_long=cut|drop."
            )
        if limits.too_long == "drop":
            return Outcome(fate="dropped", reason="longer than the limit")
        whole = ids
        ids = whole[: limits.max_tokens]
        if limits.cut_from == "start":
            n_kept = min(n_lead, limits.max_tokens - 1)
            ids = np.concatenate([whole[:n_kept], whole[n_kept - limits.max_tokens :]])
    weights = np.zeros(len(ids), np.float32)
    weights[-1] = 1.0
    row = EncodedExample(ids, weights, example.origin, values, labels)
    if n_cut > 0:
        return Outcome((row,), "cut", f"{limits.cut_from} of the text", n_cut)
    return Outcome((row,))
