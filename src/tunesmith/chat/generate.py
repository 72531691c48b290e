"""Generate: prompts -> token ids, many at once, by the decoder or by transformers' forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.choose import Chooser
from tunesmith.chat.decode import decode
from tunesmith.chat.generated import Generated
from tunesmith.chat.padded import padded
from tunesmith.chat.writing import Writing
from tunesmith.model.decoder import Decoder
from tunesmith.model.decoder_support import why_not
from tunesmith.model.lengthening import is_lengthening

__all__ = ["Generated", "generate"]


@torch.no_grad()
def generate(
    causal_lm: Any,
    prompts: Sequence[Sequence[int]],
    *,
    end_ids: frozenset[int],
    sampling: Sampling,
    max_positions: int,
    at_once: int = 32,
    limits: Sequence[int] | None = None,
    is_done: Callable[[list[int]], bool] = lambda ids: False,
    seeds: Sequence[int] | None = None,
    shares_prefixes: bool = True,
    around_forward: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[Generated]]:
    """Continues prompts together; yields all rows after every step.

    Each row's tokens are those it gets alone, but for the rounding of sums, whose order depends on
    how many rows are multiplied at once.

    Args:
        causal_lm: a transformers model in evaluation mode.
        prompts: token ids of each row, none empty.
        end_ids: tokens that end an answer.
        sampling: how tokens are chosen.
        max_positions: positions of the model; a row that reaches them ends there.
        at_once: rows in memory; one that is done makes room for the next.
        limits: most tokens of each answer, beside those that ``sampling`` sets for all; None: none.
        is_done: asked after every token whether the answer is over by its text.
        seeds: of each row's draws; None: made from that of ``sampling`` and the row's number. In
            both cases a row's draws do not depend on the other rows.
        shares_prefixes: whether what prompts begin with in common is computed once.
        around_forward: opened for each forward pass, and closed before anything is yielded.

    Yields:
        The same list of rows, each time further by a token for those that are being written.
    """
    own = [sampling.max_new_tokens] * len(prompts) if limits is None else limits
    most = [
        min(limit, sampling.max_new_tokens, max_positions - len(prompt))
        for limit, prompt in zip(own, prompts, strict=True)
    ]
    longest = max((n + len(p) for n, p in zip(most, prompts, strict=True) if n > 0), default=0)
    if not longest:
        return
    next_ids = Chooser(sampling, seeds, next(causal_lm.parameters()).device)
    rows = [Generated() for _ in prompts]
    writing = Writing(prompts, most, end_ids, is_done, next_ids, around_forward, rows)
    with around_forward():
        is_known = why_not(causal_lm, longest) is None
        n_slots = min(at_once, len(prompts))
        decoder = Decoder(causal_lm, n_slots, longest) if is_known else None
    if decoder is not None:
        yield from decode(decoder, writing, shares=shares_prefixes)
        return
    at_once = 1 if is_lengthening(causal_lm.config) else at_once
    yield from padded(causal_lm, writing, at_once=at_once)
