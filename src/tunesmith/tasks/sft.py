"""Supervised fine-tuning: the model learns the assistant's turns of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tunesmith.core.answers import Answer, Road
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example
from tunesmith.tasks.task import EncodedExample, Limits, Outcome, Task
from tunesmith.templates.render import Learnt, Rendered, TrainOn, render_many
from tunesmith.templates.shorten import Side, cut_answer, render_within
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer


class SupervisedFineTuning(Task):
    """Learns answers and the token that ends them; everything else is context."""

    name: Literal["sft"] = "sft"
    train_on: TrainOn = "all"
    """Which turns are learnt: ``all`` of the assistant's, the ``last`` of them, or ``everything``,
    requests too. A message with a weight of its own keeps it."""
    prompt_weight: float = Field(default=0.0, ge=0, le=1)
    """Weight of the loss on tokens that are not an answer; answers weigh 1. 0.01 to 0.5 can help
    where answers are very short (arXiv:2401.13586)."""
    example_type: ClassVar[type[Example]] = Conversation
    uses_template: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ("rouge",)
    roads: ClassVar[tuple[Road, ...]] = ("generate",)
    answers_freely: ClassVar[bool] = True
    only_trains: ClassVar[frozenset[str]] = frozenset({"train_on", "prompt_weight"})

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Renders conversations, cut to the limit where that is allowed."""
        conversations = [e for e in examples if isinstance(e, Conversation)]
        learnt = Learnt(self.train_on, self.prompt_weight)
        rendered = render_many(conversations, template, tokenizer, learnt)
        outcomes: list[Outcome] = []
        for conversation, whole in zip(conversations, rendered, strict=True):
            fitting = whole
            if len(whole) > limits.max_tokens:
                if limits.too_long == "drop":
                    outcomes.append(Outcome(fate="dropped", reason="longer than the limit"))
                    continue
                fitting = self._cut(conversation, whole, template, tokenizer, limits, learnt)
            outcomes.append(_outcome(conversation, fitting, limits.cut_from, learnt))
        return outcomes

    def ask(self, example: Example) -> Conversation | None:
        """The conversation up to its last answer."""
        return example.prompt() if isinstance(example, Conversation) else None

    def references(self, example: Example) -> list[Answer]:
        """The conversation's own answer, and others that are accepted."""
        if not isinstance(example, Conversation) or example.answer is None:
            return []
        return [example.answer, *example.references]

    def _cut(
        self,
        conversation: Conversation,
        whole: Rendered,
        template: Template,
        tokenizer: Tokenizer,
        limits: Limits,
        learnt: Learnt,
    ) -> Rendered:
        too_long = (
            f"{conversation.origin}: {len(whole)} tokens, and the limit is {limits.max_tokens}"
        )
        if limits.too_long == "error":
            raise DataError(f"{too_long}. Raise data.max_tokens, or set data.too_long=cut|drop.")
        shortened = render_within(
            conversation,
            template,
            tokenizer,
            limits.max_tokens,
            side=limits.cut_from,
            learnt=learnt,
            whole=whole,
        )
        if len(shortened) <= limits.max_tokens:
            return shortened
        if limits.cut_answers:
            return cut_answer(shortened, limits.max_tokens)
        raise DataError(
            f"{too_long} even with its material cut away, so its answer would be cut. Raise "
            "data.max_tokens, leave such rows out with data.too_long=drop, or allow it with "
            "data.cut_answers=true."
        )


def _outcome(conversation: Conversation, rendered: Rendered, side: Side, learnt: Learnt) -> Outcome:
    given = [
        m.weight for m in conversation.messages if m.role != "assistant" and m.weight is not None
    ]
    share = 1.0 if learnt.train_on == "everything" else learnt.prompt_weight
    if any(weight != share for weight in given):
        return Outcome(
            fate="rejected",
            reason="a request has a weight of its own; only the assistant's turns can have one",
        )
    if not rendered.supervised.any():
        return Outcome(fate="rejected", reason="nothing to learn: every token is masked")
    row = EncodedExample(rendered.input_ids, rendered.weights, conversation.origin)
    if rendered.n_cut_answer:
        reason = "end of the answer"
        n_cut = rendered.n_cut + rendered.n_cut_answer
        return Outcome((row,), "cut", reason, n_cut, lacks_end=True)
    if rendered.n_cut:
        return Outcome((row,), "cut", f"{side} of the prompt's material", rendered.n_cut)
    return Outcome((row,))
