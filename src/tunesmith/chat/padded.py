"""Padded: prompts answered by transformers' own forward pass; done rows leave the batch.

For models that the decoder does not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tunesmith.chat.generated import Generated
from tunesmith.model.lengthening import forget_lengths


def padded(
    causal_lm: Any,
    prompts: Sequence[Sequence[int]],
    rows: list[Generated],
    limits: Sequence[int],
    *,
    at_once: int,
    end_ids: frozenset[int],
    is_done: Callable[[list[int]], bool],
    next_ids: Callable[[Tensor, list[int]], Tensor],
    around_forward: Callable[[], AbstractContextManager[None]],
) -> Iterator[list[Generated]]:
    """Answers prompts in groups of similar length, padded on the left and masked.

    Args:
        causal_lm: a transformers model.
        prompts: token ids of each row, none empty.
        rows: their answers, empty; written to.
        limits: most tokens of each answer.
        at_once: rows of a group.
        end_ids: tokens that end an answer.
        is_done: asked after every token whether the answer is over by its text.
        next_ids: chooses the next tokens from logits [N, V] of the rows with these numbers.
        around_forward: opened for each forward pass, and closed before anything is yielded.

    Yields:
        ``rows``, after every token.
    """
    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    order = [row for row in order if limits[row] > 0]
    for start in range(0, len(order), at_once):
        alive, began = order[start : start + at_once], time.monotonic()
        input_ids, mask = _left_padded([prompts[row] for row in alive], next(iter(end_ids), 0))
        device = next(causal_lm.parameters()).device
        input_ids, mask = input_ids.to(device), mask.to(device)  # [B, T]
        positions = (mask.cumsum(1) - 1).clamp_min(0)
        forget_lengths(causal_lm)
        cache = DynamicCache(config=causal_lm.config)
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
            chosen = next_ids(output.logits[:, -1], alive)  # [B]
            going: list[int] = []
            for place, (row, token) in enumerate(zip(alive, chosen.tolist(), strict=True)):
                answer = rows[row]
                answer.ended = token in end_ids
                if not answer.ended:
                    answer.ids.append(token)
                    answer.ended = is_done(answer.ids)
                if not answer.ended and len(answer.ids) < limits[row]:
                    going.append(place)
                else:
                    answer.latency_s = time.monotonic() - began
            yield rows
            if 0 < len(going) < len(alive):
                kept = torch.tensor(going, device=device)
                cache.batch_select_indices(kept)
                chosen, mask, positions = chosen[kept], mask[kept], positions[kept]
            alive = [alive[place] for place in going]
            if alive:
                input_ids = chosen[:, None]
                mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)
                positions = positions[:, -1:] + 1


def _left_padded(prompts: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, [B, T] int64."""
    width = max(map(len, prompts))
    input_ids = torch.full((len(prompts), width), pad_id)
    mask = torch.zeros(len(prompts), width, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        input_ids[row, width - len(prompt) :] = torch.as_tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return input_ids, mask
