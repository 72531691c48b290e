"""LocalModel: weights on this machine, with the template they were tuned with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.generate import Generated, generate
from tunesmith.chat.likelihood import log_likelihoods
from tunesmith.chat.patience import Failure
from tunesmith.chat.stop_texts import before_stop
from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Message
from tunesmith.model.lora_linear import adapter_off, lora_layers
from tunesmith.templates.render import Learnt, Rendered, render
from tunesmith.templates.shorten import render_within
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer


class LocalModel(ChatModel):
    """Answers with a transformers model.

    ``base()`` gives the model below its adapter as a second ChatModel over the same weights.
    ``last_prompts`` are those that answers were weighed behind last, with what was cut of each.
    """

    def __init__(
        self,
        causal_lm: Any,
        tokenizer: Tokenizer,
        template: Template,
        *,
        batch_size: int = 32,
        uses_adapter: bool = True,
        instruction: str | None = None,
    ) -> None:
        """Takes a loaded model.

        Args:
            causal_lm: a transformers model, LoRA layers included.
            tokenizer: its tokenizer.
            template: lays conversations out, in training as here.
            batch_size: prompts at once.
            uses_adapter: whether LoRA layers take part.
            instruction: the one request it was tuned for, where there is one.
        """
        self.causal_lm = causal_lm.eval()
        self.tokenizer = tokenizer
        self.template = template
        self.batch_size = batch_size
        self.uses_adapter = uses_adapter
        self.instruction = instruction
        self.last_prompts: list[Rendered] = []
        names = template.end_tokens(tokenizer)
        ids = {tokenizer.id_of(name) for name in names} | _declared_ends(causal_lm)
        self.end_ids = frozenset(i for i in ids if i is not None)

    def base(self) -> LocalModel:
        """The same weights without their adapter."""
        return LocalModel(
            self.causal_lm,
            self.tokenizer,
            self.template,
            batch_size=self.batch_size,
            uses_adapter=False,
            instruction=self.instruction,
        )

    @property
    def has_adapter(self) -> bool:
        """Whether ``base()`` is another model than this one."""
        return any(True for _ in lora_layers(self.causal_lm))

    @property
    def max_positions(self) -> int:
        """Tokens of prompt and answer together that the model can hold."""
        return int(self.causal_lm.config.max_position_embeddings)

    def prompt(self, conversation: Conversation, max_new_tokens: int) -> Rendered:
        """What the model is asked, with the same token ids as in training.

        A prompt that leaves no room for the answer has its material cut; ``n_cut`` tells.

        Raises:
            TemplateError: the request alone does not fit.
        """
        room = self.max_positions - min(max_new_tokens, self.max_positions // 4)
        rendered = render_within(conversation.prompt(), self.template, self.tokenizer, room)
        if len(rendered) > room:
            raise TemplateError(
                f"{conversation.origin}: the prompt does not fit into the {self.max_positions} "
                "tokens that the model holds, answer included, even without its material. "
                "Shorten it."
            )
        return rendered

    def prompt_before(self, conversation: Conversation, n_tokens: int) -> Rendered:
        """What an answer that is already there stands behind: whole, and within the window.

        Args:
            conversation: ends with a request.
            n_tokens: of the answer, its end included.

        Raises:
            TemplateError: both together do not fit; names the example.
        """
        rendered = self.prompt(conversation, n_tokens)
        if len(rendered) + n_tokens > self.max_positions:
            raise TemplateError(
                f"{conversation.origin}: its prompt has {len(rendered):,} tokens and the answer "
                f"{n_tokens:,}, and the model holds {self.max_positions:,} together. Shorten one "
                "of them, or leave the example out."
            )
        return rendered

    def complete(
        self,
        many: Sequence[Conversation],
        sampling: Sampling,
        *,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answers ``batch_size`` conversations at once; the order is kept.

        Args:
            many: end with a request each.
            sampling: how tokens are chosen.
            seeds: of each conversation's draws; None: made from that of ``sampling`` and the place.
                In both cases draws do not depend on the other conversations.
        """
        prompts = [self.prompt(c, sampling.max_new_tokens) for c in many]
        return self._answers(prompts, sampling, seeds)

    def outcomes(
        self, many: Sequence[Conversation], sampling: Sampling
    ) -> list[Completion | Failure]:
        """Answers conversations; of those that cannot be laid out or do not fit, the reason."""
        prompts = [self._prompt_or_failure(c, sampling.max_new_tokens) for c in many]
        fitting = [prompt for prompt in prompts if isinstance(prompt, Rendered)]
        answers = iter(self._answers(fitting, sampling))
        return [next(answers) if isinstance(p, Rendered) else p for p in prompts]

    def _prompt_or_failure(self, asked: Conversation, max_new_tokens: int) -> Rendered | Failure:
        try:
            return self.prompt(asked, max_new_tokens)
        except TemplateError as error:
            return Failure(str(error).removeprefix(f"{asked.origin}: "), may_pass=False)

    def _answers(
        self, prompts: Sequence[Rendered], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        last = deque(self._generate(prompts, sampling, seeds), maxlen=1)
        rows = last[0] if last else [Generated() for _ in prompts]
        return [self._answer(*pair, sampling) for pair in zip(rows, prompts, strict=True)]

    def weigh(
        self, many: Sequence[Conversation], answers: Sequence[str], *, normalised: bool = False
    ) -> list[list[float]]:
        """How likely each of some answers is, its end token included.

        Args:
            many: conversations that end with a request.
            answers: texts; the same for all.
            normalised: the mean over an answer's tokens rather than their sum.

        Returns:
            For each conversation the log-likelihood of each answer, in nats.

        Raises:
            TemplateError: a request and the longest answer do not fit; names the example.
        """
        tails = [self.answer_ids(many[0], text) for text in answers] if many else []
        room = max(map(len, tails), default=0)
        self.last_prompts = [self.prompt_before(conversation, room) for conversation in many]
        prompts = [prompt.input_ids for prompt in self.last_prompts]
        with nullcontext() if self.uses_adapter else self._without_adapter():
            found = log_likelihoods(
                self.causal_lm, prompts, [tails] * len(prompts), rows_at_once=self.batch_size
            )
        if not normalised:
            return found
        return [[s / len(t) for s, t in zip(row, tails, strict=True)] for row in found]

    def answer_ids(self, conversation: Conversation, text: str) -> np.ndarray:
        """The token ids of an answer as it is learnt behind a request, its end among them."""
        asked = conversation.prompt()
        whole = replace(asked, messages=(*asked.messages, Message("assistant", text)))
        rendered = render(whole, self.template, self.tokenizer, Learnt("last"))
        return rendered.input_ids[rendered.supervised]

    def stream(
        self, conversation: Conversation, sampling: Sampling
    ) -> Generator[str, None, Completion]:
        """Yields text as soon as no later token can change it or make it part of a stop text.

        The pieces join to the text that ``complete`` gives.
        """
        prompt = self.prompt(conversation, sampling.max_new_tokens)
        stops = self._stops(sampling)
        held = max(map(len, stops), default=1)
        shown, row = 0, Generated()
        for rows in self._generate([prompt], sampling, [sampling.seed]):
            row = rows[0]
            text = self._text(row.ids, stops)
            safe = min(len(text) - held, len(text.rstrip()))
            if not row.ended and safe > shown and "\ufffd" not in text[shown:safe]:
                yield text[shown:safe]
                shown = safe
        yield self._text(row.ids, stops).rstrip()[shown:]
        return self._answer(row, prompt, sampling)

    def _generate(
        self, prompts: Sequence[Rendered], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> Iterator[list[Generated]]:
        return generate(
            self.causal_lm,
            [prompt.input_ids.tolist() for prompt in prompts],
            end_ids=self.end_ids,
            sampling=sampling,
            max_positions=self.max_positions,
            at_once=self.batch_size,
            is_done=self._stopped(self._stops(sampling)),
            seeds=seeds,
            around_forward=nullcontext if self.uses_adapter else self._without_adapter,
        )

    def _without_adapter(self) -> AbstractContextManager[None]:
        return adapter_off(self.causal_lm)

    def _stops(self, sampling: Sampling) -> tuple[str, ...]:
        """Texts that end an answer."""
        return (*self.template.stop, *sampling.stop)

    def _stopped(self, stops: Sequence[str]) -> Callable[[list[int]], bool]:
        # A stop text is at most as many tokens as it has bytes, so the end of the answer suffices.
        tail = max((len(stop.encode()) for stop in stops), default=0) + 2
        return lambda ids: bool(stops) and any(s in self._raw(ids[-tail:]) for s in stops)

    def _answer(self, row: Generated, prompt: Rendered, sampling: Sampling) -> Completion:
        return Completion(
            self._text(row.ids, self._stops(sampling)).rstrip(),
            "stop" if row.ended else "length",
            len(prompt),
            len(row.ids),
            prompt.n_cut,
            latency_s=row.latency_s,
            n_shots_left_out=prompt.n_shots_left_out,
        )

    def _text(self, ids: list[int], stops: Sequence[str]) -> str:
        """The answer so far: up to a stop text, without white space before it."""
        return before_stop(self._raw(ids), stops)[0].lstrip()

    def _raw(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, continues=True)


def _declared_ends(causal_lm: Any) -> set[int]:
    """End tokens that the model's generation settings name."""
    settings = getattr(causal_lm, "generation_config", None)
    ends = getattr(settings, "eos_token_id", None)
    return set(ends) if isinstance(ends, list) else ({ends} if ends is not None else set())
