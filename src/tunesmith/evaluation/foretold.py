"""Foretold: what a model makes of each text, or of each reference answer behind its request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tunesmith.core.examples import Conversation
from tunesmith.evaluation.perplexity import Foretold, RunningText, windows

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel


def foretold_texts(
    model: LocalModel, texts: Sequence[RunningText], *, window: int, stride: int
) -> list[Foretold]:
    """Scores each text by itself, every token once; see :mod:`tunesmith.evaluation.perplexity`.

    Args:
        model: whose ``batch_size`` windows are read at once.
        texts: each with the token that it is foretold from in front.
        window: tokens that are read at once.
        stride: tokens that a window moves on by, less than ``window``.
    """
    contexts: list[np.ndarray] = []
    scored: list[np.ndarray] = []
    owners: list[int] = []
    for place, text in enumerate(texts):
        for begin, end, first in windows(len(text.input_ids), window, stride):
            if end > first:
                contexts.append(text.input_ids[begin:first])
                scored.append(text.input_ids[first:end])
                owners.append(place)
    nats = np.zeros(len(texts))
    np.add.at(nats, owners, _nats(model, contexts, scored))
    return [
        Foretold(float(own), len(text.input_ids) - 1, text.n_words, text.n_bytes)
        for own, text in zip(nats, texts, strict=True)
    ]


def foretold_answers(model: LocalModel, examples: Sequence[Conversation]) -> list[Foretold]:
    """Scores each reference answer with the token that ends it, behind its request.

    Raises:
        TemplateError: a request does not fit even without its material.
    """
    answers = [example.answer or "" for example in examples]
    tails = [model.answer_ids(e, text) for e, text in zip(examples, answers, strict=True)]
    prompts = [
        model.prompt(example, len(tail)).input_ids
        for example, tail in zip(examples, tails, strict=True)
    ]
    nats = _nats(model, prompts, tails)
    return [
        Foretold(one, len(tail), len(text.split()), len(text.encode()))
        for one, tail, text in zip(nats, tails, answers, strict=True)
    ]


def _nats(
    model: LocalModel, contexts: Sequence[np.ndarray], scored: Sequence[np.ndarray]
) -> list[float]:
    from contextlib import nullcontext

    from tunesmith.chat.likelihood import log_likelihoods
    from tunesmith.model.lora_linear import adapter_off

    if not contexts:
        return []
    with nullcontext() if model.uses_adapter else adapter_off(model.causal_lm):
        found = log_likelihoods(
            model.causal_lm, contexts, [[ids] for ids in scored], rows_at_once=model.batch_size
        )
    return [-logs[0] for logs in found]
