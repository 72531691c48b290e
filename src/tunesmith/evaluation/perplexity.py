"""Perplexity: how well a language model foretells texts, each token scored once.

A text that is longer than the model's window is read in windows that move on by a stride. The first
scores all of its tokens, every other only those that the one before did not reach, so each token
has a window less a stride of context at the least (transformers' guide, "Perplexity of fixed-length
models"). Only the text's own tokens are scored: what begins a document is context, and its end is
not asked for, as in the lm-evaluation-harness; so perplexity per word and bits per byte can be
compared between tokenizers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tunesmith.model.batch import Batch


@dataclass(frozen=True, slots=True)
class RunningText:
    """A document as a model reads it.

    Attributes:
        input_ids: [T] int32; the first is context, all others are scored.
        n_words: words between white space.
        n_bytes: in UTF-8.
    """

    input_ids: np.ndarray
    n_words: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a model makes of texts.

    Attributes:
        nats: negative log-likelihood of all scored tokens.
        n_tokens: scored ones.
        n_words: of the texts.
        n_bytes: of the texts.
    """

    nats: float
    n_tokens: int
    n_words: int
    n_bytes: int

    def as_dict(self) -> dict[str, float]:
        """Perplexity per token and per word, and bits per byte."""
        return {
            "perplexity": _exp(self.nats / self.n_tokens),
            "word_perplexity": _exp(self.nats / self.n_words),
            "bits_per_byte": self.nats / math.log(2) / self.n_bytes,
        }


def windows(n_tokens: int, window: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """The windows of a text: first token, end, and the first token that it scores.

    Args:
        n_tokens: of the text; token 0 is never scored.
        window: tokens of a window, 2 at the least.
        stride: tokens it moves on by, less than ``window``.
    """
    end = min(n_tokens, window)
    yield 0, end, 1
    while end < n_tokens:
        scored, end = end, min(end + stride, n_tokens)
        yield end - window, end, scored


def perplexity(
    network: Any, texts: Sequence[RunningText], *, window: int, stride: int, batch_size: int
) -> Foretold:
    """Scores texts.

    Args:
        network: a transformers language model, in evaluation mode.
        texts: with two tokens at the least, one word and one byte among them all.
        window: tokens that are read at once.
        stride: tokens that a window moves on by.
        batch_size: windows at once.
    """
    import torch

    from tunesmith.model.device import default_device
    from tunesmith.model.task_model import TaskModel
    from tunesmith.objectives.tokens import Tokens

    model = TaskModel(network, Tokens())
    nats, n_tokens = 0.0, 0.0
    with torch.no_grad():
        for batch in _batches(texts, window, stride, batch_size):
            nats += float(model(batch.to(default_device())).total)
            n_tokens += batch.n_targets
    return Foretold(
        nats, int(n_tokens), sum(t.n_words for t in texts), sum(t.n_bytes for t in texts)
    )


def _batches(
    texts: Sequence[RunningText], window: int, stride: int, batch_size: int
) -> Iterator[Batch]:
    from tunesmith.model.packed import packed
    from tunesmith.tasks.collate import collate

    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for text in texts:
        for begin, end, scored in windows(len(text.input_ids), window, stride):
            weights = (np.arange(begin, end) >= scored).astype(np.float32)
            rows.append((text.input_ids[begin:end], weights))
            if len(rows) == batch_size:
                yield packed(collate(rows, 0))
                rows = []
    if rows:
        yield packed(collate(rows, 0))


def _exp(nats: float) -> float:
    return math.exp(min(nats, 700.0))
