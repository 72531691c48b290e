"""Foretold: what a model makes of each text, or of each reference answer behind its request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation
from tunesmith.evaluation.perplexity import Foretold, RunningText, windows

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.templates.render import Rendered


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


@dataclass(frozen=True, slots=True)
class ForetoldAnswer:
    """What a model makes of one reference answer behind its request.

    Attributes:
        foretold: None: both together do not fit into the model's window.
        n_prompt_cut: tokens of the request that were left out to make room.
        why: it does not fit, naming the example; empty where it does.
    """

    foretold: Foretold | None
    n_prompt_cut: int = 0
    why: str = ""


def foretold_answers(
    model: LocalModel, requests: Sequence[Conversation], answers: Sequence[str]
) -> list[ForetoldAnswer]:
    """Scores each reference answer with the token that ends it, behind its request.

    No token is scored beyond the positions that the model was made for: there its figures would
    be those of another model.

    Args:
        model: whose ``batch_size`` rows are read at once.
        requests: end with a request each.
        answers: one for each.
    """
    tails = [model.answer_ids(e, text) for e, text in zip(requests, answers, strict=True)]
    prompts: dict[int, Rendered] = {}
    found: dict[int, ForetoldAnswer] = {}
    for place, (request, tail) in enumerate(zip(requests, tails, strict=True)):
        try:
            prompts[place] = model.prompt_before(request, len(tail))
        except TemplateError as error:
            found[place] = ForetoldAnswer(None, why=str(error))
    contexts = [prompt.input_ids for prompt in prompts.values()]
    nats = _nats(model, contexts, [tails[place] for place in prompts])
    for (place, prompt), one in zip(prompts.items(), nats, strict=True):
        text = answers[place]
        of = Foretold(one, len(tails[place]), len(text.split()), len(text.encode()))
        found[place] = ForetoldAnswer(of, prompt.n_cut)
    return [found[place] for place in range(len(requests))]


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
