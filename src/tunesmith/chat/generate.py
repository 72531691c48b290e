"""Generate: prompts -> token ids, many at once, by the decoder or by transformers' forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.choose import choose, seed_of_row
from tunesmith.chat.decode import decode
from tunesmith.chat.generated import Generated
from tunesmith.chat.padded import padded
from tunesmith.model.decoder import Decoder, why_not
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
    device = next(causal_lm.parameters()).device
    own = [sampling.max_new_tokens] * len(prompts) if limits is None else limits
    most = [
        min(limit, sampling.max_new_tokens, max_positions - len(prompt))
        for limit, prompt in zip(own, prompts, strict=True)
    ]
    longest = max((n + len(p) for n, p in zip(most, prompts, strict=True) if n > 0), default=0)
    if not longest:
        return
    rows = [Generated() for _ in prompts]
    generators: dict[int, torch.Generator] = {}

    def next_ids(logits: Tensor, numbers: list[int]) -> Tensor:
        if sampling.temperature == 0:
            return choose(logits, sampling, ())
        for row in numbers:
            if row not in generators:
                seed = seed_of_row(sampling.seed, row) if seeds is None else seeds[row]
                generators[row] = torch.Generator(device).manual_seed(seed)
        return choose(logits, sampling, [generators[row] for row in numbers])

    with around_forward():
        reason = why_not(causal_lm, longest)
        n_slots = min(at_once, len(prompts))
        decoder = Decoder(causal_lm, n_slots, longest) if reason is None else None
    if decoder is not None:
        yield from decode(
            decoder,
            prompts,
            rows,
            most,
            end_ids=end_ids,
            is_done=is_done,
            next_ids=next_ids,
            shares=shares_prefixes,
            around_forward=around_forward,
        )
        return
    yield from padded(
        causal_lm,
        prompts,
        rows,
        most,
        at_once=1 if is_lengthening(causal_lm.config) else at_once,
        end_ids=end_ids,
        is_done=is_done,
        next_ids=next_ids,
        around_forward=around_forward,
    )
