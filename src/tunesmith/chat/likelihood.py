"""Likelihood: how probable each of some answers is behind a prompt, which is computed once.

On a processor prompts and answers are a tree of rows, in which answers share what they begin with,
and prompts too. A model that the trunk does not know, and any on a GPU, keeps the keys and values
of the prompts instead and computes the answers behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from tunesmith.core.errors import ModelError
from tunesmith.model.batch import Batch
from tunesmith.model.head import output_head
from tunesmith.model.tree_rows import planted, tree_of
from tunesmith.model.trunk import Trunk
from tunesmith.tasks.collate import pad

STATES_AT_ONCE = 256
"""States that are scored at once: [that, V] in float32."""


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
    trunk = _trunk_of(causal_lm)
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    found: dict[int, list[float]] = {}
    for start in range(0, len(order), group):
        places = order[start : start + group]
        some_prompts, some_answers = [prompts[p] for p in places], [answers[p] for p in places]
        line = None if trunk is None else _planted(some_prompts, some_answers)
        if trunk is None or line is None or not trunk.takes(line):
            scores = _together(causal_lm, some_prompts, some_answers, rows_at_once)
        else:
            scores = _in_a_tree(causal_lm, trunk, line, some_answers)
        found |= dict(zip(places, scores, strict=True))
    return [found[place] for place in range(len(prompts))]


def _trunk_of(causal_lm: Any) -> Trunk | None:
    """The trunk of a model on a processor; None: it has none, or is elsewhere."""
    if next(causal_lm.parameters()).device.type != "cpu":
        return None
    try:
        return Trunk.over(causal_lm)
    except ModelError:
        return None


def _planted(prompts: Sequence[np.ndarray], answers: Sequence[Sequence[np.ndarray]]) -> Batch:
    """Each prompt with each of its answers as one tree; the targets are the answers' tokens."""
    flat = [(prompt, one) for prompt, own in zip(prompts, answers, strict=True) for one in own]
    rows = [np.concatenate([prompt, one[:-1]]) for prompt, one in flat]
    input_ids = pad(rows, 0)
    places = [
        row * input_ids.shape[1] + len(prompt) - 1 + np.arange(len(one))
        for row, (prompt, one) in enumerate(flat)
    ]
    labels = np.concatenate([one for _, one in flat]).astype(np.int64)
    batch = Batch(
        input_ids,
        torch.from_numpy(np.concatenate(places)),
        {"labels": torch.from_numpy(labels)},
        n_targets=len(labels),
        n_tokens=sum(map(len, rows)),
        lengths=tuple(map(len, rows)),
    )
    return planted(batch, tree_of(batch))


def _in_a_tree(
    causal_lm: Any, trunk: Trunk, line: Batch, answers: Sequence[Sequence[np.ndarray]]
) -> list[list[float]]:
    """Log-likelihoods of the answers of one tree.

    Args:
        causal_lm: the model.
        trunk: its layers.
        line: of the prompts with their answers.
        answers: the same number for each prompt.
    """
    # What many answers begin behind is scored once, whatever they begin with.
    places, of_target = line.target_rows.unique(return_inverse=True)
    states = trunk.states(replace(line, target_rows=places))  # [U, D]
    head, labels = output_head(causal_lm), line.targets["labels"]
    logps = torch.empty(len(labels))
    for first in range(0, len(places), STATES_AT_ONCE):
        scored = head(states[first : first + STATES_AT_ONCE]).float().log_softmax(-1)
        mine = ((of_target >= first) & (of_target < first + STATES_AT_ONCE)).nonzero()[:, 0]
        logps[mine] = scored[of_target[mine] - first, labels[mine]]
    counts = [len(one) for own in answers for one in own]
    sums = torch.stack([part.sum() for part in logps.split(counts)])
    return sums.view(len(answers), -1).tolist()


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
