"""Foretell: base and tuned model read the same running text, and both are scored."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.errors import DataError, RecipeError
from tunesmith.core.examples import Document
from tunesmith.core.runs import PERPLEXITY, Run
from tunesmith.evaluation.perplexity import RunningText, perplexity
from tunesmith.pipelines.prepare import Prepared, prepare, split_of
from tunesmith.pipelines.report import write_report
from tunesmith.recipe import Recipe
from tunesmith.tasks.joined import JoinedSplit
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor


def foretell(
    models: Iterable[tuple[str, ChatModel | Predictor]],
    run: Run | None,
    recipe: Recipe,
    split: str | None,
) -> dict[str, Any]:
    """Scores models on the running text of a split.

    Args:
        models: by name.
        run: gets the figures and its report written anew; None: nothing is kept.
        recipe: whose task is running text.
        split: which rows; None: ``test`` if the data has it, else ``validation``.

    Returns:
        ``models`` (for each ``perplexity``, ``word_perplexity`` and ``bits_per_byte``), ``split``,
        ``n`` documents, ``n_tokens`` that are scored, ``n_words``, ``n_bytes``,
        ``context_tokens``, ``stride_tokens`` and ``seconds``.

    Raises:
        DataError: the split holds no text.
        RecipeError: the stride leaves a window no context.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.training.fit import EVALUATION_ADVICE, Portion

    started = time.perf_counter()
    prepared = prepare(recipe, strict=False)
    chosen = split or ("test" if "test" in prepared.encoded else "validation")
    texts = _texts(prepared, recipe, chosen)
    window = prepared.limits.max_tokens
    stride = recipe.evaluate.stride_tokens or max(1, window // 2)
    if stride >= window:
        raise RecipeError(
            f"evaluate.stride_tokens={stride}, and a window has {window} tokens, so some would "
            f"have nothing before them. Set it to {window - 1} or less."
        )
    size = recipe.evaluate.batch_size
    portion = Portion(size, "evaluation", EVALUATION_ADVICE)
    found: dict[str, Any] = {"models": {}}
    for name, model in models:
        assert isinstance(model, LocalModel), "running text has no head of its own"
        with _heard(model):
            score = partial(perplexity, model.causal_lm, texts, window=window, stride=stride)
            foretold = portion.run(size, lambda n, score=score: score(batch_size=n), lambda: None)
        found["models"][name] = foretold.as_dict()
        found |= {
            "split": chosen,
            "n": len(texts),
            "n_tokens": foretold.n_tokens,
            "n_words": foretold.n_words,
            "n_bytes": foretold.n_bytes,
        }
    found |= {
        "context_tokens": window,
        "stride_tokens": stride,
        "seconds": round(time.perf_counter() - started, 2),
    }
    if run is not None:
        run.write(PERPLEXITY, found)
        write_report(run)
    return found


def _heard(model: LocalModel) -> AbstractContextManager[None]:
    from tunesmith.model.lora_linear import adapter_off

    return nullcontext() if model.uses_adapter else adapter_off(model.causal_lm)


def _texts(prepared: Prepared, recipe: Recipe, split: str) -> list[RunningText]:
    """The documents of a split, or the held-out end of a single one."""
    tokenizer = prepared.tokenizer
    is_divided = prepared.splits.divided and split != "test"
    if split in prepared.splits.rows and not is_divided:
        rows = (row.example for row in split_of(prepared, recipe, split))
        documents = [e for e in rows if isinstance(e, Document) and e.text.strip()]
        texts = running_texts(documents[: recipe.evaluate.max_rows], tokenizer)
    elif split in prepared.encoded:
        texts = _held_out(prepared, split)
    else:
        texts = []
    if not any(text.n_words for text in texts):
        raise DataError(
            f"the split {split!r} has no text to score. Choose another with --split, or hold rows "
            "out with data.validation_fraction."
        )
    return texts


def running_texts(documents: Sequence[Document], tokenizer: Tokenizer) -> list[RunningText]:
    """Documents as a model reads them, each whole."""
    lead = np.array([_lead(tokenizer)], np.int32)
    encoded = tokenizer.encode_many([(document.text, "nothing") for document in documents])
    return [
        RunningText(
            np.concatenate([lead, ids]),
            len(document.text.split()),
            len(document.text.encode()),
        )
        for document, ids in zip(documents, encoded, strict=True)
    ]


def _lead(tokenizer: Tokenizer) -> int:
    """What the first token of a document is foretold from."""
    bos = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
    return tokenizer.eos_id if bos is None else bos


def _held_out(prepared: Prepared, split: str) -> list[RunningText]:
    """One document's windows of a split, as the text that their tokens spell."""
    encoded, tokenizer = prepared.encoded[split], prepared.tokenizer
    stream = JoinedSplit(prepared.store, encoded.rows, int(encoded.store.starts[-1]) + 1)
    ids = stream.arrays(0)[0].astype(np.int32)
    if ids[-1] == tokenizer.eos_id:
        ids = ids[:-1]
    text = tokenizer.decode(ids[1:].tolist(), continues=True)
    return [RunningText(ids, len(text.split()), len(text.encode()))]
