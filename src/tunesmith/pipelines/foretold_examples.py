"""Foretold examples: how likely a model finds some texts or reference answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from tunesmith.core.errors import ModelError, RecipeError
from tunesmith.core.examples import Document, Example
from tunesmith.evaluation.roads import UNANSWERED, Answered
from tunesmith.pipelines.foretell import running_texts
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT
from tunesmith.tasks.task import Task

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor

Told = TypeVar("Told")


def foretold_examples(
    model: LocalModel, task: Task, examples: Sequence[Example], window: tuple[int, int]
) -> list[Answered]:
    """Has a model foretell running text, or reference answers behind their requests.

    Args:
        model: what foretells.
        task: of the examples.
        examples: documents, or what has a reference answer.
        window: tokens of running text that are read at once, and that the window moves on by.

    Returns:
        For each the nats as its answer and its tokens; None: it does not fit, and why.
    """
    from tunesmith.evaluation.foretold import foretold_answers, foretold_texts

    if task.judged_by == "running-text":
        texts = running_texts(cast("list[Document]", list(examples)), model.tokenizer)
        told = _within_memory(
            model, lambda: foretold_texts(model, texts, window=window[0], stride=window[1])
        )
        return [Answered(one.nats, "", n_tokens=one.n_tokens) for one in told]
    requests = [asked for e in examples if (asked := task.ask(e)) is not None]
    answers = [foretold_text(task, example) for example in examples]
    return [
        Answered(None, "", finish_reason=UNANSWERED, why=one.why)
        if one.foretold is None
        else Answered(
            one.foretold.nats, "", n_prompt_cut=one.n_prompt_cut, n_tokens=one.foretold.n_tokens
        )
        for one in _within_memory(model, lambda: foretold_answers(model, requests, answers))
    ]


def foretold_text(task: Task, example: Example) -> str:
    """What is foretold of an example."""
    if isinstance(example, Document):
        return example.text
    return task.write(task.references(example)[0])


def window_of(model: LocalModel, limit: int | None, stride: int | None) -> tuple[int, int]:
    """Tokens that are read at once, and that the window moves on by.

    Args:
        model: what reads.
        limit: most tokens at once; None: a default.
        stride: tokens that the window moves on by; None: half of it.

    Raises:
        RecipeError: the window moves on by so much that some tokens have nothing before them.
    """
    window = min(model.max_positions, limit or LONGEST_BY_DEFAULT)
    step = stride or max(1, window // 2)
    if step >= window:
        raise RecipeError(
            f"evaluate.stride_tokens={step}, and a window has {window} tokens, so some would have "
            f"nothing before them. Set it to {window - 1} or less."
        )
    return window, step


def require_local(model: ChatModel | Predictor) -> LocalModel:
    """A model that foretells.

    Raises:
        ModelError: it does not.
    """
    from tunesmith.chat.local import LocalModel

    if not isinstance(model, LocalModel):
        raise ModelError("answers with a head of its own, and foretells no text.")
    return model


def _within_memory(model: LocalModel, work: Callable[[], list[Told]]) -> list[Told]:
    from tunesmith.training.fit import EVALUATION_ADVICE, Portion

    def at_once(n_rows: int) -> list[Told]:
        model.batch_size = n_rows
        return work()

    portion = Portion(model.batch_size, "evaluation", EVALUATION_ADVICE)
    return portion.run(model.batch_size, at_once, lambda: None)
