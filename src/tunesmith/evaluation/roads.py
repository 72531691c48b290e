"""Roads: the same examples answered by a head, by likelihood, or by writing; one kind of answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.answers import Answer, Road, shown
from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Example
from tunesmith.tasks.task import Limits, Task
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor


UNANSWERED = "unanswered"
"""The ``finish_reason`` of an example that can never be answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One example's answer.

    Attributes:
        answer: None where the text cannot be read as one.
        text: as the model wrote it, or the answer as text.
        cut: whether the text ran into the token limit.
        n_prompt_cut: tokens that were left out of what the model was given.
        weighed: (answer, probability) of all that was weighed, the likeliest first.
        refused: whether a hosted model declined, or its service withheld the answer.
        cost: what it cost; None where no price is known.
        n_tokens: of what was written; None where nothing was.
        finish_reason: why it ended, as a ``Completion`` has it; None where nothing was written, as
            by a head.
        n_prompt_tokens: of what the model was given; None where nobody told.
        latency_s: seconds from the start of the batch it was answered in to its end, of a hosted
            model of its request; None where nothing was asked.
        n_shots_left_out: examples that a prompted model shows first and that had no room.
        asked_without: fields of sampling that a hosted model's endpoint does not take.
        why: it was not answered and never will be; empty where it was.
    """

    answer: Answer
    text: str
    cut: bool = False
    n_prompt_cut: int = 0
    weighed: tuple[tuple[str, float], ...] = ()
    refused: bool = False
    cost: float | None = None
    n_tokens: int | None = None
    finish_reason: str | None = None
    n_prompt_tokens: int | None = None
    latency_s: float | None = field(default=None, compare=False)
    n_shots_left_out: int = 0
    asked_without: str = ""
    why: str = ""

    def told(self) -> dict[str, Any]:
        """What is known of how it came about, for files."""
        known = {
            "finish_reason": self.finish_reason,
            "n_prompt_tokens": self.n_prompt_tokens,
            "n_tokens": self.n_tokens,
            "latency_s": None if self.latency_s is None else round(self.latency_s, 4),
            "cost": self.cost,
            "n_shots_left_out": self.n_shots_left_out or None,
            "asked_without": self.asked_without or None,
            "why": self.why or None,
        }
        return {name: value for name, value in known.items() if value is not None}


def answerer(
    network: Any,
    task: Task,
    tokenizer: Tokenizer,
    template: Template,
    limits: Limits,
    *,
    batch_size: int = 32,
) -> LocalModel | Predictor:
    """What answers for a loaded network; puts it into evaluation mode.

    Args:
        network: a transformers model, adapter included.
        task: settled.
        tokenizer: the network's.
        template: lays conversations out.
        limits: how long an example may be for a head.
        batch_size: rows at once.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.model.head import own_head

    if own_head(network) is not None:
        return Predictor(network, tokenizer, task, limits, batch_size=batch_size)
    return LocalModel(network, tokenizer, template, batch_size=batch_size)


def open_roads(
    model: ChatModel | Predictor, task: Task, wanted: Sequence[Road] | None = None
) -> list[Road]:
    """The roads of a task that a model can go.

    Args:
        model: what answers.
        task: settled.
        wanted: none but these; None: all.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor

    if isinstance(model, Predictor):
        known: tuple[Road, ...] = ("head",)
    elif isinstance(model, LocalModel):
        known = ("likelihood", "generate")
    else:  # whoever writes answers from afar does not tell how likely others are
        known = ("generate",)
    return [road for road in task.roads if road in known and (wanted is None or road in wanted)]


def answer(
    model: ChatModel | Predictor,
    task: Task,
    examples: Sequence[Example],
    road: Road,
    *,
    max_new_tokens: int = 128,
    length_normalised: bool = False,
    leaves_unanswered: bool = False,
) -> list[Answered]:
    """Answers examples by one road.

    Args:
        model: what answers; it can go the road.
        task: settled.
        examples: of the task's kind.
        road: how the answer comes about.
        max_new_tokens: longest text that is written.
        length_normalised: whether likelihood is the mean over an answer's tokens.
        leaves_unanswered: whether an example that can never be answered, as one that does not fit,
            is left without an answer, so that the others have theirs; its ``why`` tells.

    Raises:
        TemplateError: a request does not fit into the model.
        EndpointError: a hosted model did not answer.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor

    if isinstance(model, Predictor):
        return _by_head(model, examples)
    asked = [_asked(task, example) for example in examples]
    if road == "likelihood":
        assert isinstance(model, LocalModel)
        return _by_likelihood(model, task, examples, asked, length_normalised, leaves_unanswered)
    return _by_writing(model, task, examples, asked, max_new_tokens, leaves_unanswered)


def _by_head(model: Predictor, examples: Sequence[Example]) -> list[Answered]:
    found = model.predict(examples)
    return [
        Answered(
            one.answer,
            shown(one.answer),
            n_prompt_cut=n_cut,
            weighed=one.weighed,
            n_prompt_tokens=n_tokens,
            latency_s=latency_s,
        )
        for one, n_cut, n_tokens, latency_s in zip(
            found, model.last_cut, model.last_tokens, model.last_latency_s, strict=True
        )
    ]


def _by_likelihood(
    model: LocalModel,
    task: Task,
    examples: Sequence[Example],
    asked: Sequence[Conversation],
    normalised: bool,
    leaves_unanswered: bool,
) -> list[Answered]:
    """The likeliest candidate; examples with the same candidates go together."""
    together: dict[tuple[str, ...], list[int]] = {}
    for place, example in enumerate(examples):
        together.setdefault(tuple(task.candidates(example)), []).append(place)
    found: dict[int, Answered] = {}
    for texts, places in together.items():
        started = time.monotonic()
        try:
            logs = model.weigh([asked[p] for p in places], texts, normalised=normalised)
        except TemplateError:
            if not leaves_unanswered:
                raise
            found |= _unfit(model, {place: asked[place] for place in places}, texts)
            places = [place for place in places if place not in found]
            if not places:
                continue
            logs = model.weigh([asked[p] for p in places], texts, normalised=normalised)
        latency_s = time.monotonic() - started
        for place, of_row, prompt in zip(places, logs, model.last_prompts, strict=True):
            likely = np.exp(np.array(of_row) - max(of_row))
            likely /= likely.sum()
            order = np.argsort(-likely, kind="stable")
            best = texts[int(order[0])]
            found[place] = Answered(
                task.read(best, examples[place]),
                best,
                n_prompt_cut=prompt.n_cut,
                weighed=tuple((texts[i], float(likely[i])) for i in order),
                n_prompt_tokens=len(prompt),
                latency_s=latency_s,
                n_shots_left_out=prompt.n_shots_left_out,
            )
    return [found[place] for place in range(len(examples))]


def _unfit(
    model: LocalModel, asked: Mapping[int, Conversation], texts: Sequence[str]
) -> dict[int, Answered]:
    """The requests that cannot be weighed, as where they do not fit, with the reason."""
    found: dict[int, Answered] = {}
    for place, one in asked.items():
        try:
            model.prompt_before(one, max(len(model.answer_ids(one, text)) for text in texts))
        except TemplateError as error:
            why = str(error).removeprefix(f"{one.origin}: ")
            found[place] = Answered(None, "", finish_reason=UNANSWERED, why=why)
    return found


def _by_writing(
    model: ChatModel,
    task: Task,
    examples: Sequence[Example],
    asked: Sequence[Conversation],
    max_new_tokens: int,
    leaves_unanswered: bool,
) -> list[Answered]:
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.chat.patience import Failure

    ask = model.outcomes if leaves_unanswered else model.complete
    said = ask(asked, Sampling(max_new_tokens=max_new_tokens))
    return [
        Answered(task.read("", example), "", finish_reason=UNANSWERED, why=one.reason)
        if isinstance(one, Failure)
        else Answered(
            task.read(one.text, example),
            one.text,
            one.finish_reason == "length",
            one.n_prompt_cut,
            refused=one.finish_reason in ("content_filter", "refusal"),
            cost=one.cost,
            n_tokens=one.n_tokens,
            finish_reason=one.finish_reason,
            n_prompt_tokens=one.n_prompt_tokens,
            latency_s=one.latency_s,
            n_shots_left_out=one.n_shots_left_out,
            asked_without=one.asked_without,
        )
        for one, example in zip(said, examples, strict=True)
    ]


def _asked(task: Task, example: Example) -> Conversation:
    found = task.ask(example)
    assert found is not None, f"task {task.name} has roads that ask, and asks nothing"
    return found
