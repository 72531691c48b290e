"""Generate: batches of prompts -> token ids, with a key/value cache; done rows leave the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tunesmith.chat.chat_model import Sampling


@dataclass(slots=True)
class Generated:
    """One row's answer so far.

    Attributes:
        ids: tokens of the answer, without its end token.
        ended: whether the model or a stop text ended it, rather than the token limit.
    """

    ids: list[int] = field(default_factory=list)
    ended: bool = False


@torch.no_grad()
def generate(
    causal_lm: Any,
    prompts: Sequence[Sequence[int]],
    *,
    end_ids: frozenset[int],
    sampling: Sampling,
    max_positions: int,
    is_done: Callable[[list[int]], bool] = lambda ids: False,
    seeds: Sequence[int] | None = None,
    around_forward: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[Generated]]:
    """Continues prompts together; yields all rows after every token.

    Prompts are padded on the left and masked, so each row's tokens are those it gets alone.

    Args:
        causal_lm: a transformers model.
        prompts: token ids of each row, none empty.
        end_ids: tokens that end an answer.
        sampling: how tokens are chosen.
        max_positions: positions of the model; a row that reaches them ends there.
        is_done: asked after every token whether the answer is over by its text.
        seeds: of each row's draws, which then do not depend on the other rows; None: all rows draw
            from one generator.
        around_forward: opened for each forward pass, and closed before anything is yielded.

    Yields:
        The same list of rows, each time one token further.
    """
    device = next(causal_lm.parameters()).device
    generators = [
        torch.Generator(device).manual_seed(seed)
        for seed in ((sampling.seed,) if seeds is None else seeds)
    ]
    rows = [Generated() for _ in prompts]
    width = max(len(prompt) for prompt in prompts)
    input_ids = torch.full((len(prompts), width), next(iter(end_ids)))
    mask = torch.zeros(len(prompts), width, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        input_ids[row, width - len(prompt) :] = torch.as_tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    input_ids, mask = input_ids.to(device), mask.to(device)  # [B, T]
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    cache = DynamicCache(config=causal_lm.config)
    alive = list(range(len(prompts)))
    limits = [min(sampling.max_new_tokens, max_positions - len(p)) for p in prompts]
    alive = [row for row in alive if limits[row] > 0]
    while alive:
        with around_forward():
            output = causal_lm(
                input_ids=input_ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        chosen = _choose(
            output.logits[:, -1],
            sampling,
            generators if seeds is None else [generators[row] for row in alive],
        )  # [B]
        going: list[int] = []
        for place, (row, token) in enumerate(zip(alive, chosen.tolist(), strict=True)):
            if token in end_ids:
                rows[row].ended = True
                continue
            rows[row].ids.append(token)
            if is_done(rows[row].ids):
                rows[row].ended = True
            elif len(rows[row].ids) < limits[row]:
                going.append(place)
        yield rows
        if not going:
            return
        if len(going) < len(alive):
            kept = torch.tensor(going, device=device)
            cache.batch_select_indices(kept)
            chosen, mask, positions = chosen[kept], mask[kept], positions[kept]
            alive = [alive[place] for place in going]
        input_ids = chosen[:, None]
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)
        positions = positions[:, -1:] + 1


def _choose(logits: Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> Tensor:
    """The next token of each row; logits are [B, V], the result is [B].

    Rows share one generator, or there is one for each.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits.float() / sampling.temperature).softmax(-1)
    if sampling.top_p < 1:
        ordered, places = probabilities.sort(-1, descending=True)
        outside = ordered.cumsum(-1) - ordered >= sampling.top_p
        ordered = ordered.masked_fill(outside, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter_(-1, places, ordered)
    parts = probabilities.split(len(probabilities) // len(generators))
    drawn = [
        torch.multinomial(part, 1, generator=generator)
        for part, generator in zip(parts, generators, strict=True)
    ]
    return torch.cat(drawn)[:, 0]
