"""Likelihood: how probable each of some answers is behind a prompt, which is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache


@torch.no_grad()
def log_likelihoods(
    causal_lm: Any,
    prompts: Sequence[np.ndarray],
    answers: Sequence[Sequence[np.ndarray]],
    *,
    rows_at_once: int = 32,
) -> list[list[float]]:
    """Log-probabilities of answers, summed over their tokens.

    Args:
        causal_lm: a transformers model.
        prompts: token ids [T] of P prompts, none empty.
        answers: for each prompt the token ids of as many answers, none empty.
        rows_at_once: rows of a forward pass.

    Returns:
        For each prompt the log-likelihood of each of its answers, in nats.
    """
    n_answers = len(answers[0])
    group = max(1, rows_at_once // n_answers)
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    found: dict[int, list[float]] = {}
    for start in range(0, len(order), group):
        places = order[start : start + group]
        scores = _together(
            causal_lm, [prompts[p] for p in places], [answers[p] for p in places], rows_at_once
        )
        found |= dict(zip(places, scores, strict=True))
    return [found[place] for place in range(len(prompts))]


def _together(
    causal_lm: Any,
    prompts: Sequence[np.ndarray],
    answers: Sequence[Sequence[np.ndarray]],
    rows_at_once: int,
) -> list[list[float]]:
    """The same for prompts that fit into one forward pass, padded on the left."""
    device = next(causal_lm.parameters()).device
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.int64)
    mask = torch.zeros(len(prompts), width, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.as_tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    ids, mask = ids.to(device), mask.to(device)  # [P, T]
    cache = DynamicCache(config=causal_lm.config)
    first = causal_lm(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp_min(0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]  # [P, V]
    scores: list[list[float]] = [[] for _ in prompts]
    n_answers = len(answers[0])
    for start in range(0, n_answers, rows_at_once):
        part = [of_prompt[start : start + rows_at_once] for of_prompt in answers]
        is_last = start + rows_at_once >= n_answers
        used = cache if is_last else deepcopy(cache)
        sums = _behind(causal_lm, used, mask, first, part)
        for row, found in zip(scores, sums, strict=True):
            row += found
    return scores


def _behind(
    causal_lm: Any,
    cache: DynamicCache,
    mask: Tensor,
    first: Tensor,
    answers: Sequence[Sequence[np.ndarray]],
) -> list[list[float]]:
    """Log-likelihoods of answers behind prompts whose keys and values are in the cache.

    Args:
        causal_lm: the model.
        cache: of P prompts; used up.
        mask: [P, T], 1 where a prompt has a token.
        first: [P, V] logits behind each prompt.
        answers: the same number K for each prompt.
    """
    n_answers = len(answers[0])
    flat = [answer for of_prompt in answers for answer in of_prompt]
    width = max(map(len, flat))
    ids = torch.zeros(len(flat), width, dtype=torch.int64)
    is_real = torch.zeros(len(flat), width, dtype=torch.int64)
    for row, answer in enumerate(flat):
        ids[row, : len(answer)] = torch.as_tensor(answer)
        is_real[row, : len(answer)] = 1
    ids, is_real = ids.to(mask.device), is_real.to(mask.device)  # [P * K, A]
    logits = first.repeat_interleave(n_answers, 0)[:, None]  # [P * K, 1, V]
    if width > 1:
        cache.batch_repeat_interleave(n_answers)
        before = mask.repeat_interleave(n_answers, 0)
        whole = torch.cat([before, is_real[:, :-1]], 1)
        behind = causal_lm(
            input_ids=ids[:, :-1],
            attention_mask=whole,
            position_ids=(whole.cumsum(1) - 1)[:, before.shape[1] :],
            past_key_values=cache,
            use_cache=True,
        ).logits
        logits = torch.cat([logits, behind], 1)  # [P * K, A, V]
    picked = logits.float().log_softmax(-1).gather(2, ids[..., None])[..., 0]
    sums = (picked * is_real).sum(1).view(-1, n_answers)
    return sums.tolist()
