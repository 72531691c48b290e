"""Padded: prompts answered by transformers' own forward pass; done rows leave the batch.

For models that the decoder does not know.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tunesmith.chat.generated import Generated
from tunesmith.chat.writing import Writing
from tunesmith.model.lengthening import forget_lengths


def padded(causal_lm: Any, writing: Writing, *, at_once: int) -> Iterator[list[Generated]]:
    """Answers prompts in groups of similar length, padded on the left and masked.

    Args:
        causal_lm: a transformers model.
        writing: what is to be written.
        at_once: rows of a group.

    Yields:
        The rows, after every token.
    """
    order = sorted(writing.wanted, key=lambda row: -len(writing.prompts[row]))
    for start in range(0, len(order), at_once):
        yield from _group(causal_lm, writing, order[start : start + at_once])


def _group(causal_lm: Any, writing: Writing, alive: list[int]) -> Iterator[list[Generated]]:
    """Answers rows of these numbers together, to the end of each."""
    began, device = time.monotonic(), next(causal_lm.parameters()).device
    pad_id = next(iter(writing.end_ids), 0)
    input_ids, mask = _left_padded([writing.prompts[row] for row in alive], pad_id)
    input_ids, mask = input_ids.to(device), mask.to(device)  # [B, T]
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    forget_lengths(causal_lm)
    cache = DynamicCache(config=causal_lm.config)
    while alive:
        with writing.around_forward():
            output = causal_lm(
                input_ids=input_ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        chosen = writing.next_ids(output.logits[:, -1], alive)  # [B]
        going: list[int] = []
        for place, (row, token) in enumerate(zip(alive, chosen.tolist(), strict=True)):
            if writing.is_over(row, token):
                writing.rows[row].latency_s = time.monotonic() - began
            else:
                going.append(place)
        yield writing.rows
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
