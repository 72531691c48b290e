"""HostedModel: any endpoint that speaks OpenAI's protocol, asked by many requests at once."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from tunesmith.chat.api_key import ApiKey, find_key
from tunesmith.chat.ask import Asker
from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.endpoint import Endpoint, parse_endpoint
from tunesmith.chat.patience import Patience
from tunesmith.chat.reply_cache import ReplyCache
from tunesmith.chat.request import Form, Request, request_of
from tunesmith.chat.spend import Prices, Spend
from tunesmith.chat.stop_texts import ended, until_stop
from tunesmith.chat.teacher import Outcome
from tunesmith.core.errors import EndpointError
from tunesmith.core.examples import Conversation

T = TypeVar("T")
AT_ONCE = 32


class HostedModel(ChatModel):
    """Asks an endpoint; retries, limits, costs and the cache are its business alone.

    Attributes:
        endpoint: what is asked.
        spend: tokens and money so far.
        n_from_cache: replies that needed no request.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        key: ApiKey | None = None,
        at_once: int = AT_ONCE,
        patience: Patience | None = None,
        prices: Prices | None = None,
        max_cost: float | None = None,
        cache: ReplyCache | None = None,
    ) -> None:
        """Takes an endpoint and its key.

        Args:
            endpoint: with the name of its model.
            key: None: it is asked without one.
            at_once: requests under way together.
            patience: timeouts and retries.
            prices: of a million tokens.
            max_cost: no request is sent once replies cost so much.
            cache: where replies are kept; None: nowhere.

        Raises:
            EndpointError: a key is missing, or would go over the net in the clear.
        """
        if endpoint.needs_key and key is None:
            raise EndpointError(
                f"{endpoint}: needs a key. Set {endpoint.key_variable}, or {endpoint.key_variable}"
                "_FILE to a file that holds it. A key is never taken from a recipe."
            )
        if key is not None and endpoint.url.startswith("http://") and not endpoint.is_here:
            raise EndpointError(
                f"{endpoint}: the key in {endpoint.key_variable} would go over the net in the "
                "clear. Use https, or unset it if this endpoint needs none."
            )
        self.endpoint: Endpoint = endpoint
        self.at_once = at_once
        self.spend: Spend = Spend(prices, max_cost)
        self._asker = Asker(endpoint, key, patience or Patience(), self.spend, cache)

    @classmethod
    def open(cls, name: str, **settings: Any) -> HostedModel:
        """Makes one by name, with the key from the environment.

        Args:
            name: ``openai:gpt-4o``, ``http://127.0.0.1:8000/v1``, ``https://HOST/v1#MODEL``.
            settings: as the class takes them.

        Raises:
            EndpointError: the name says nothing, the key is missing, or no one model is served.
        """
        endpoint = parse_endpoint(name)
        key = find_key(endpoint.key_variable) if endpoint.key_variable else None
        model = cls(endpoint, key=key, **settings)
        if not endpoint.model:
            served = _run(model._asker.models())
            if len(served) != 1:
                listed = ", ".join(served[:10]) or "none"
                raise EndpointError(
                    f"{endpoint}: serves {len(served)} models, so name one: {endpoint}#MODEL. "
                    f"Served: {listed}."
                )
            model.endpoint = model._asker.endpoint = replace(endpoint, model=served[0])
        return model

    @property
    def n_from_cache(self) -> int:
        """Replies that needed no request."""
        return self._asker.n_from_cache

    @property
    def form(self) -> Form:
        """How the endpoint is told the form of a reply; the next way once it has refused one."""
        return self._asker.form

    @property
    def left_out(self) -> frozenset[str]:
        """Fields of sampling, such as ``temperature``, that the endpoint does not take."""
        return self._asker.left_out

    def complete(
        self,
        many: Sequence[Conversation],
        sampling: Sampling,
        *,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answers many conversations, in their order.

        Where tokens are drawn, equal conversations are requests of their own, for each is sent a
        seed of its own; how far a service goes by it is its affair.

        Raises:
            EndpointError: the endpoint refuses, or one conversation cannot be answered. With a
                cache, what was answered is kept in it.
        """
        found = self._outcomes(many, sampling, leaves_unanswered=False, seeds=seeds)
        return [one for one in found if isinstance(one, Completion)]

    def outcomes(self, many: Sequence[Conversation], sampling: Sampling) -> list[Outcome]:
        """Answers many conversations; of those that will never be answered it tells the reason.

        Raises:
            EndpointError: the endpoint refuses, or a conversation was not answered that may be
                later. With a cache, what was answered is kept in it.
        """
        return self._outcomes(many, sampling, leaves_unanswered=True)

    def _outcomes(
        self,
        many: Sequence[Conversation],
        sampling: Sampling,
        *,
        leaves_unanswered: bool,
        seeds: Sequence[int] | None = None,
    ) -> list[Outcome]:
        asked = [
            request_of(c, drawn_by(sampling, place, seeds), str(place))
            for place, c in enumerate(many)
        ]
        found: dict[str, Outcome] = {}
        failures: list[str] = []

        def take(request: Request, outcome: Outcome) -> None:
            if isinstance(outcome, Completion):
                outcome = ended(outcome, sampling.stop)
            elif outcome.may_pass or not leaves_unanswered:
                failures.append(f"{many[int(request.tag)].origin}: {outcome.reason}")
            found[request.tag] = outcome

        self.work(asked, take)
        if failures:
            raise EndpointError(
                f"{self.endpoint}: {len(failures):,} of {len(many):,} requests were not answered, "
                f"the first: {failures[0]}."
            )
        return [found[request.tag] for request in asked]

    def work(self, requests: Iterable[Request], take: Callable[[Request, Outcome], None]) -> None:
        """Asks requests as they come, and hands each outcome over as soon as it is there.

        Args:
            requests: taken one by one, each when there is room for it.
            take: called in the thread that takes the requests, never twice at once.

        Raises:
            EndpointError: no request will be answered now. What was under way is handed over
                first; requests without an outcome can be asked again.
            ParkedError: the same, where waiting helps.
        """
        _run(self._asker.work(requests, take, self.at_once))

    def stream(
        self, conversation: Conversation, sampling: Sampling
    ) -> Generator[str, None, Completion]:
        """Answers one conversation piece by piece; what was given is never taken back.

        Returns:
            The whole answer, with its finish reason, tokens, latency and cost.

        Raises:
            EndpointError: it cannot be answered, or broke off behind the pieces that were given.
        """
        return (yield from until_stop(self._pieces(conversation, sampling), sampling.stop))

    def _pieces(
        self, conversation: Conversation, sampling: Sampling
    ) -> Generator[str, None, Completion]:
        """The reply as it comes, to its end."""
        request = request_of(conversation, sampling)
        pieces: queue.SimpleQueue[str | BaseException | Completion] = queue.SimpleQueue()
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._asker.pieces(request, pieces.put))

        def drive() -> None:
            try:
                pieces.put(loop.run_until_complete(task))
            except BaseException as error:  # handed to the reader, who raises it
                pieces.put(error)
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

        thread = threading.Thread(target=drive, daemon=True)
        thread.start()
        try:
            is_silent = True
            while not isinstance(piece := pieces.get(), Completion):
                if isinstance(piece, BaseException):
                    raise piece
                is_silent = False
                yield piece
            if is_silent and piece.text:  # a refusal, which comes beside the text
                yield piece.text
            return piece
        finally:
            with suppress(RuntimeError):  # it is over, and its loop closed
                loop.call_soon_threadsafe(task.cancel)
            thread.join()


def drawn_by(sampling: Sampling, place: int, seeds: Sequence[int] | None) -> Sampling:
    """Sampling of one of many conversations; the likeliest token is nobody's draw."""
    if sampling.temperature == 0:
        return sampling
    return replace(sampling, seed=sampling.seed + place if seeds is None else seeds[place])


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Runs to its end, also where an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T | BaseException] = []
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)

    def aside() -> None:
        try:
            outcome.append(loop.run_until_complete(task))
        except BaseException as error:
            outcome.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=aside)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:  # else the work would go on, and be paid for, behind the prompt
        with suppress(RuntimeError):  # it is over, and its loop closed
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
