"""Who writes: transformers in three ways, and tunesmith with and without what prompts share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from generate_material import Material

PATIENCE_S = 120
ONE, CONTINUOUS, OURS, APART, FEW, FEW_APART = (
    "transformers, one at a time",
    "transformers, continuous batching",
    "tunesmith",
    "tunesmith, nothing shared",
    "tunesmith, few-shot preamble",
    "tunesmith, few-shot preamble not shared",
)
Work = Callable[..., list[list[int]]]
"""``work(model, material, rows)`` gives the tokens of each answer."""


def contenders_of(name: str, n_prompts: int, rounds: int) -> dict[str, tuple[Work, int]]:
    """All that take turns on a model, and of how many prompts each answers one in a round.

    Rounds of the large model answer a quarter of the prompts, another one every time, and the
    slowest contenders fewer; continuous batching, by far the slowest on a processor, four once.
    """
    part = 4 if name == "110M" and rounds > 1 else 1
    found: dict[str, tuple[Work, int]] = {
        ONE: (one_at_a_time, 5 * part if part > 1 else 1),
        **{f"transformers, batches of {size}": (_batches(size), part) for size in (8, 16, 32)},
        CONTINUOUS: (continuous, max(1, n_prompts // 4)),
        OURS: (_ours(True), part),
        APART: (_ours(False), part),
        "tunesmith, 64 at once": (_ours(True, 64), part),
        FEW: (_few(True), 3 * part),
        FEW_APART: (_few(False), 3 * part),
    }
    if name == "stories260K":  # whose 512 positions are full
        del found[FEW], found[FEW_APART]
    return found


def one_at_a_time(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
    """As tutorials have it: each prompt on its own."""
    found = []
    for row in rows:
        prompt = material.prompts[row]
        ids = torch.tensor([prompt])
        written = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=material.limits[row],
            do_sample=False,
            pad_token_id=0,
        )
        found.append(written[0, len(prompt) :].tolist())
    return found


def _batches(size: int) -> Callable[..., list[list[int]]]:
    """Transformers' own batches of prompts of similar length; rows end at their own limits."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Limits(StoppingCriteria):
        def __init__(self, width: int, limits: Sequence[int]) -> None:
            self.ends = torch.tensor([width + limit for limit in limits])
            self.eos_token_id = None  # that it is there has what ended be filled up

        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return input_ids.shape[1] >= self.ends

    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        order = sorted(rows, key=lambda row: -len(material.prompts[row]))
        for start in range(0, len(order), size):
            group = order[start : start + size]
            width = max(len(material.prompts[row]) for row in group)
            ids = torch.zeros(len(group), width, dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for place, row in enumerate(group):
                prompt = material.prompts[row]
                ids[place, width - len(prompt) :] = torch.tensor(prompt)
                mask[place, width - len(prompt) :] = 1
            limits = [material.limits[row] for row in group]
            written = model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=max(limits),
                do_sample=False,
                pad_token_id=0,
                stopping_criteria=StoppingCriteriaList([Limits(width, limits)]),
            )
            for place, row in enumerate(group):
                found[row] = written[place, width : width + material.limits[row]].tolist()
        return [found[row] for row in rows]

    return work


def _ours(shares: bool, at_once: int = 32) -> Callable[..., list[list[int]]]:
    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        prompts = [material.prompts[row] for row in rows]
        return _written(model, material, prompts, rows, shares, at_once)

    return work


def _few(shares: bool) -> Callable[..., list[list[int]]]:
    """The same prompts behind examples, which are the same for all."""

    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        prompts = [material.preamble + material.prompts[row][1:] for row in rows]
        return _written(model, material, prompts, rows, shares, 32)

    return work


def _written(
    model: Any,
    material: Material,
    prompts: list[list[int]],
    rows: Sequence[int],
    shares: bool,
    at_once: int,
) -> list[list[int]]:
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.chat.generate import generate

    limits = [material.limits[row] for row in rows]
    *_, found = generate(
        model,
        prompts,
        end_ids=frozenset({-1}),
        sampling=Sampling(max(limits)),
        max_positions=material.positions,
        at_once=at_once,
        limits=limits,
        shares_prefixes=shares,
    )
    return [one.ids for one in found]


def continuous(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
    """The continuous batching of transformers, each request with its own limit."""
    from transformers import GenerationConfig

    settings = GenerationConfig(max_new_tokens=max(material.limits), do_sample=False)
    settings.eos_token_id = -1
    with model.continuous_batching_context_manager(settings, warmup=False) as manager:
        names = [
            manager.add_request(material.prompts[row], max_new_tokens=material.limits[row])
            for row in rows
        ]
        found: dict[str, list[int]] = {}
        waited = time.monotonic()
        while len(found) < len(names):
            done = manager.get_result(timeout=1)
            if done is not None and done.is_finished():
                found[done.request_id] = list(done.generated_tokens)
            elif not manager.is_running() or time.monotonic() - waited > PATIENCE_S:
                raise RuntimeError(f"{len(found)} of {len(names)} requests were answered")
    return [found[name] for name in names]
