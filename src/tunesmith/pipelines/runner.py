"""Runner: any model as a function from text to text."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.cut import not_whole
from tunesmith.chat.prompts import Asked, Prompt, answer_all, asked, is_many, stream
from tunesmith.core.errors import RecipeError
from tunesmith.core.runs import Run
from tunesmith.pipelines.load import load_chat
from tunesmith.templates.plain import Plain

if TYPE_CHECKING:
    from tunesmith.chat.reply_cache import ReplyCache
    from tunesmith.chat.spend import Prices
    from tunesmith.pipelines.bases import Bases
    from tunesmith.templates.template import Template


class Runner:
    """Asks one model: ``Runner("meta-llama/Llama-2-7b-hf")("Tell me how to train my dog to sit")``.

    A base model is asked as one: it goes on with the text. A chat model is asked in its own chat
    template, a tuned one in that of its run, and a hosted one as its endpoint has it. A dialogue as
    text (``Agent: ...`` below ``Customer: ...``) is gone on with by exactly one turn.

    Attributes:
        model: what answers.
    """

    def __init__(
        self,
        model: str | Path | Run | ChatModel,
        *,
        template: str | Template | None = None,
        system: str | None = None,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: str | Sequence[str] = (),
        batch_size: int | None = None,
        prices: Prices | None = None,
        max_cost: float | None = None,
        cache: ReplyCache | None = None,
        bases: Bases | None = None,
    ) -> None:
        """Opens a model.

        Args:
            model: what :func:`tunesmith.load` takes, or a model that is open already; that one is
                asked as it was opened, so the arguments about opening do not go with it.
            template: another way of writing requests down: ``none`` (plain text), ``native``
                (the model's own chat template), ``recipe`` (that of its run), or one by name.
            system: text before every request that has no system text of its own.
            max_new_tokens: longest answer in tokens.
            temperature: 0: always the likeliest token.
            top_p: tokens are drawn from the smallest set that holds this much probability.
            seed: of the draws; the n-th prompt of a list draws by ``seed + n``, counted from 0.
            stop: texts that end an answer, beside those of the template.
            batch_size: prompts answered at once; None: 32.
            prices: of a hosted model's tokens.
            max_cost: no request is sent to it once its replies cost so much.
            cache: where its replies are kept; None: nowhere.
            bases: weights on this machine that are shared by what is opened with them.

        Raises:
            RecipeError: a value is out of its bounds, or does not go with an open model.
            TunesmithError: as :func:`tunesmith.load`; or the model writes no text.
        """
        self._system = system
        self._sampling = Sampling(max_new_tokens, temperature, top_p, seed, _texts(stop))
        if isinstance(model, ChatModel):
            _require_none(
                template=template,
                batch_size=batch_size,
                prices=prices,
                max_cost=max_cost,
                cache=cache,
                bases=bases,
            )
            self.model: ChatModel = model
            return
        self.model = load_chat(
            model,
            template=template,
            otherwise="none",
            batch_size=32 if batch_size is None else batch_size,
            prices=prices,
            max_cost=max_cost,
            cache=cache,
            bases=bases,
        )

    @overload
    def __call__(
        self,
        prompt: Prompt,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> str: ...

    @overload
    def __call__(
        self,
        prompt: Sequence[Prompt],
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> list[str]: ...

    def __call__(
        self,
        prompt: Any,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> str | list[str]:
        """Answers a text, a conversation, or a list of them; says on stderr where one was cut.

        Args:
            prompt: a text; a conversation as a list of ``{"role": ..., "content": ...}``; or a
                list of texts and conversations.
            max_new_tokens: for this call.
            temperature: for this call.
            top_p: for this call.
            seed: for this call.
            stop: for this call.

        Returns:
            The answer; of a list the answers, in its order.

        Raises:
            DataError: a prompt is empty or no text.
            TemplateError: it does not fit into the model.
            EndpointError: a hosted model cannot be asked.
        """
        found = self.complete(
            prompt,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            stop=stop,
        )
        if isinstance(found, Completion):
            return found.text
        return [one.text for one in found]

    @overload
    def complete(
        self,
        prompt: Prompt,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Completion: ...

    @overload
    def complete(
        self,
        prompt: Sequence[Prompt],
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> list[Completion]: ...

    def complete(
        self,
        prompt: Any,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Completion | list[Completion]:
        """The same with what is known of each answer: ``finish_reason``, tokens, latency, cost."""
        many = is_many(prompt)
        sampling = self._changed(max_new_tokens, temperature, top_p, seed, stop)
        prompts = (
            [self._asked(one, f"prompt {n}") for n, one in enumerate(prompt, 1)]
            if many
            else [self._asked(prompt, "the prompt")]
        )
        found = answer_all(self.model, prompts, sampling)
        _tell_cut(self.model, found, sampling)
        return found if many else found[0]

    def stream(
        self,
        prompt: Prompt,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Generator[str, None, Completion]:
        """Answers one prompt piece by piece; the pieces join to what a call gives.

        Returns:
            The whole answer, as the generator's return value.
        """
        sampling = self._changed(max_new_tokens, temperature, top_p, seed, stop)
        pieces = stream(self.model, self._asked(prompt, "the prompt"), sampling)
        return self._told(pieces, sampling)

    def _told(
        self, pieces: Generator[str, None, Completion], sampling: Sampling
    ) -> Generator[str, None, Completion]:
        whole = yield from pieces
        _tell_cut(self.model, [whole], sampling)
        return whole

    def _asked(self, prompt: Any, place: str) -> Asked:
        template = getattr(self.model, "template", None)  # a hosted model has none of ours
        return asked(
            prompt,
            place,
            system=self._system,
            instruction=self.model.instruction,
            in_plain_text=isinstance(template, Plain),
        )

    def _changed(
        self,
        max_new_tokens: int | None,
        temperature: float | None,
        top_p: float | None,
        seed: int | None,
        stop: str | Sequence[str] | None,
    ) -> Sampling:
        own = self._sampling
        return Sampling(
            own.max_new_tokens if max_new_tokens is None else max_new_tokens,
            own.temperature if temperature is None else temperature,
            own.top_p if top_p is None else top_p,
            own.seed if seed is None else seed,
            own.stop if stop is None else _texts(stop),
        )


def _texts(stop: str | Sequence[str]) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _require_none(**given: Any) -> None:
    """Refuses what is about opening a model, where one is open already."""
    if names := [name for name, value in given.items() if value is not None]:
        raise RecipeError(
            f"Runner: {', '.join(names)} cannot be set for a model that is open already. Give its "
            "name instead of the model, or open it so: tunesmith.load(NAME, ...)."
        )


def _tell_cut(model: ChatModel, found: Sequence[Completion], sampling: Sampling) -> None:
    """Says which answers are not whole: the texts alone do not tell."""
    for line in not_whole(model, found, sampling.max_new_tokens):
        print(line, file=sys.stderr)
