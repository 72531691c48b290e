"""Harness likelihood: how likely texts are, as EleutherAI's lm-evaluation-harness asks for them.

Texts are taken as they are, behind the token that begins a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunesmith.evaluation.foretold import foretold_texts
from tunesmith.evaluation.harness_rows import row_within
from tunesmith.evaluation.perplexity import RunningText
from tunesmith.model.head import output_head
from tunesmith.model.lora_linear import adapter_off
from tunesmith.tasks.collate import pad

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel


def pair_likelihoods(
    model: LocalModel, pairs: Sequence[tuple[str, str]]
) -> list[tuple[float, bool]]:
    """How likely a text is behind another, and whether it is what greedy choice would write.

    A context that leaves no room loses its beginning, as in the harness's own model.

    Args:
        model: whose ``batch_size`` rows are read at once.
        pairs: context and continuation.

    Raises:
        DataError: a continuation alone is longer than the model's window.
    """
    rows = [_pair(model, *pair) for pair in pairs]
    order = sorted(range(len(rows)), key=lambda place: -len(rows[place][0]))
    found: dict[int, tuple[float, bool]] = {}
    for start in range(0, len(order), model.batch_size):
        places = order[start : start + model.batch_size]
        scores = _weighed(model, [rows[place] for place in places])
        found |= dict(zip(places, scores, strict=True))
    return [found[place] for place in range(len(rows))]


def text_likelihoods(model: LocalModel, texts: Sequence[str]) -> list[float]:
    """How likely whole texts are, in windows without overlap of what is scored."""
    lead = np.array([_lead(model)], np.int32)
    rows = [RunningText(np.concatenate([lead, _ids(model, text)]), 1, 1) for text in texts]
    window = model.max_positions
    found = foretold_texts(model, rows, window=window, stride=window - 1)
    return [-one.nats for one in found]


def _lead(model: LocalModel) -> int:
    tokenizer = model.tokenizer
    bos = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
    return tokenizer.eos_id if bos is None else bos


def _ids(model: LocalModel, text: str) -> np.ndarray:
    return model.tokenizer.encode_many([(text, "nothing")])[0]


def _pair(model: LocalModel, context: str, continuation: str) -> tuple[np.ndarray, int]:
    """Token ids of both together, and how many of them the continuation has at the end."""
    bare = context.rstrip()  # a token may begin with the space, so it goes with what follows
    continuation = context[len(bare) :] + continuation
    whole, before = _ids(model, bare + continuation), _ids(model, bare)
    n_scored = max(1, len(whole) - len(before))
    ids = np.concatenate([np.array([_lead(model)], np.int32), whole])
    return row_within(ids, n_scored, model.max_positions), n_scored


@torch.no_grad()
def _weighed(model: LocalModel, rows: list[tuple[np.ndarray, int]]) -> list[tuple[float, bool]]:
    network: Any = model.causal_lm
    device = next(network.parameters()).device
    # The last token of each row is foretold alone, so it needs no position.
    ids = pad([row[:-1] for row, _ in rows], model.tokenizer.pad_id).to(device)
    # Padding on the right stays unseen, as attention is causal.
    with nullcontext() if model.uses_adapter else adapter_off(network):
        hidden = network.base_model(input_ids=ids, use_cache=False).last_hidden_state
    found: list[tuple[float, bool]] = []
    for place, (row, n_scored) in enumerate(rows):
        ends = slice(len(row) - n_scored - 1, len(row) - 1)
        logps = output_head(network)(hidden[place, ends]).float().log_softmax(-1)  # [n, V]
        wanted = torch.from_numpy(row[-n_scored:]).long().to(device)
        total = float(logps.gather(1, wanted[:, None]).sum())
        found.append((total, bool((logps.argmax(-1) == wanted).all())))
    return found
