"""Ask: one request until it is answered or given up; the only layer that retries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tunesmith.chat.api_key import ApiKey
from tunesmith.chat.chat_model import Completion
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.list_models import list_models
from tunesmith.chat.pace import Pace
from tunesmith.chat.patience import Failure, Patience
from tunesmith.chat.reply_cache import ReplyCache
from tunesmith.chat.reply_faults import (
    Fault,
    Filtered,
    Hopeless,
    NoForm,
    NotTaken,
    Passing,
    TooMany,
    Unanswerable,
    hopeless_message,
)
from tunesmith.chat.request import NEXT_FORM, Form, Request
from tunesmith.chat.send import open_client, send
from tunesmith.chat.spend import Spend
from tunesmith.core.errors import EndpointError, ParkedError, RunError

if TYPE_CHECKING:
    import httpx


LOOK_AGAIN_S = 0.1
"""Whoever waits for a slot looks so often whether it still holds."""


class _Stopped(Exception):
    """Another request has shown that none will be answered."""


class Asker:
    """Asks one endpoint. All requests share its pace, its spend and its bad news."""

    def __init__(
        self,
        endpoint: Endpoint,
        key: ApiKey | None,
        patience: Patience,
        spend: Spend,
        cache: ReplyCache | None,
    ) -> None:
        self.endpoint = endpoint
        self.n_from_cache = 0
        self._key = key
        self._patience = patience
        self._spend = spend
        self._cache = cache
        self.form: Form = "schema"
        """What the endpoint takes, as far as it has shown."""
        self.left_out: frozenset[str] = frozenset()
        """Fields of sampling that the endpoint has refused, and is asked without."""
        self._draw = random.Random()
        self._pace = Pace()
        self._fresh()

    def _fresh(self) -> None:
        self._stop = asyncio.Event()
        self._first = asyncio.Event()
        """Set once the endpoint has begun to answer. Until then one request is sent alone: a key
        that is refused costs one request, and limits are known before many are sent."""
        self._asks_first = True
        self._why: EndpointError | RunError | None = None
        self._lost_in_a_row = 0
        self._tokens_in_flight = 0.0

    async def work(
        self,
        requests: Iterable[Request],
        take: Callable[[Request, Completion | Failure], None],
        at_once: int,
    ) -> None:
        """See :meth:`HostedModel.work`."""
        self._fresh()
        iterator = iter(requests)
        async with open_client(self.endpoint, self._key, self._patience, at_once) as client:
            workers = [
                asyncio.create_task(self._worker(client, iterator, take)) for _ in range(at_once)
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        if self._why is not None:
            raise self._why

    async def _worker(
        self,
        client: httpx.AsyncClient,
        iterator: Iterator[Request],
        take: Callable[[Request, Completion | Failure], None],
    ) -> None:
        while not self._stop.is_set():
            request = next(iterator, None)
            if request is None:
                return
            try:
                outcome = await self._one(client, request)
            except _Stopped:
                return
            except (EndpointError, RunError) as error:
                self._end(error)
                return
            finally:
                self._first.set()
            take(request, outcome)

    async def pieces(self, request: Request, give: Callable[[str], None]) -> Completion:
        """Asks once, and gives the text as it comes, and all of it in the end."""
        self._fresh()
        async with open_client(self.endpoint, self._key, self._patience, 1) as client:
            outcome = await self._one(client, request, give)
        if self._why is not None:
            raise self._why
        if isinstance(outcome, Failure):
            raise EndpointError(f"{self.endpoint}: {outcome.reason}.")
        return outcome

    async def models(self) -> list[str]:
        """What the endpoint serves."""
        async with open_client(self.endpoint, self._key, self._patience, 1) as client:
            return await list_models(client, self.endpoint, self._hidden)

    async def _one(
        self,
        client: httpx.AsyncClient,
        request: Request,
        give: Callable[[str], None] | None = None,
    ) -> Completion | Failure:
        key = request.key(self.endpoint)
        if self._cache is not None and (kept := self._cache.get(key)) is not None:
            self.n_from_cache += 1
            if give is not None:
                give(kept.text)
            return self._spend.priced(kept)
        tries, n_limited, limited_s = 0, 0, 0.0
        if not self._asks_first:
            await self._until_first()
        self._asks_first = False
        while True:
            form = "plain" if request.schema is None else self.form
            asked_without = self.left_out
            sent_at, outcome = await self._try(client, request, form, give)
            match outcome:
                case Completion():
                    self._lost_in_a_row = 0
                    self._book(key, outcome, is_paid=True)
                    return self._spend.priced(outcome)
                case Unanswerable(reason):
                    return Failure(self._hidden(reason), False)
                case Filtered():
                    withheld = Completion("", "content_filter", 0, 0)  # which nobody is billed for
                    self._book(key, withheld, is_paid=False)
                    return self._spend.priced(withheld)
                case NoForm(reason):
                    if form == "plain":
                        return Failure(self._hidden(reason), False)
                    if form == self.form:  # else another request has found it out meanwhile
                        self.form = NEXT_FORM[form]
                case NotTaken(field):
                    # Of many under way together the first to come back finds it out.
                    if field in asked_without:
                        hopeless = Hopeless(outcome.reason, 400)
                        told = hopeless_message(self.endpoint, hopeless)
                        raise EndpointError(self._hidden(told))
                    self.left_out |= {field}
                case Hopeless():
                    raise EndpointError(self._hidden(hopeless_message(self.endpoint, outcome)))
                case TooMany(asked_s):
                    n_limited += 1
                    wait_s = self._wait(n_limited) if asked_s is None else asked_s
                    limited_s += wait_s
                    self._check_limit(wait_s, limited_s, outcome)
                    self._pace.slow_down(sent_at, wait_s, is_told=asked_s is not None)
                    self._first.set()
                case Passing():
                    self._first.set()
                    tries += 1
                    wait_s = self._wait(tries) if outcome.wait_s is None else outcome.wait_s
                    if outcome.is_unreachable and not self._spend.n_replies and tries >= 3:
                        raise EndpointError(
                            f"{self.endpoint}: cannot be reached ({outcome.reason}). Is the server "
                            "running, and the address right?"
                        )
                    if tries >= self._patience.tries:
                        return self._lost(outcome, tries)
                    self._check_limit(wait_s, wait_s, outcome)
                    await self._sleep(wait_s)

    def _book(self, key: str, outcome: Completion, *, is_paid: bool) -> None:
        """Counts and keeps a reply, a refusal too, which would only be paid for again.

        Where that cannot be written the job ends, but not before the reply is handed over.
        """
        try:
            if is_paid:
                self._spend.add(outcome)
            if self._cache is not None:
                self._cache.put(key, outcome)
        except RunError as error:
            self._end(error)

    async def _try(
        self,
        client: httpx.AsyncClient,
        request: Request,
        form: Form,
        give: Callable[[str], None] | None,
    ) -> tuple[float, Completion | Fault]:
        """Waits for a slot and sends the request once; gives when it was sent, too."""
        n_about = request.n_tokens_about
        cost = await self._slot(n_about, request.sampling.max_new_tokens)
        if self._stop.is_set():
            raise _Stopped
        self._spend.check()
        self._pace.sent()
        sent_at = time.monotonic()
        self._tokens_in_flight += cost
        try:
            without = self.left_out
            body = request.body(self.endpoint, form=form, without=without)
            outcome = await send(
                client,
                body,
                self._patience,
                n_prompt_tokens=n_about,
                on_headers=self._learn,
                give=give,
            )
            if isinstance(outcome, Completion):
                self._pace.counted(n_about, outcome.n_prompt_tokens)
                outcome = replace(outcome, asked_without=", ".join(sorted(without)))
            return sent_at, outcome
        finally:
            self._tokens_in_flight -= cost

    async def _slot(self, n_prompt_about: int, n_answer: int) -> float:
        """Waits until a request may go out; gives what it will cost in tokens."""
        while True:
            n_lapses = self._pace.n_lapses
            cost = self._pace.cost(n_prompt_about, n_answer)
            at = self._pace.reserve(cost)
            while n_lapses == self._pace.n_lapses:
                wait_s = at - time.monotonic()
                if wait_s <= 0:
                    return cost
                await self._sleep(min(wait_s, LOOK_AGAIN_S))

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        self._pace.learn(headers, self._tokens_in_flight)
        if status == 200:  # else what it means is to be seen first
            self._first.set()

    def _lost(self, fault: Passing, tries: int) -> Failure:
        """Gives a request up; the whole job, where nothing else succeeds either."""
        self._lost_in_a_row += 1
        reason = self._hidden(fault.reason)
        if self._lost_in_a_row >= self._patience.down_after:
            raise ParkedError(
                f"{self.endpoint}: is down: {self._lost_in_a_row} requests in a row were given up "
                f"after {tries} tries each, the last with: {reason}. What was answered is kept; "
                "run the same command later to go on."
            )
        return Failure(f"given up after {tries} tries: {reason}", True)

    def _check_limit(self, wait_s: float, limited_s: float, fault: TooMany | Passing) -> None:
        if wait_s <= self._patience.park_s and limited_s <= self._patience.limited_s:
            return
        raise ParkedError(
            f"{self.endpoint}: asks to wait for {max(wait_s, 1):,.0f} s "
            f"({self._hidden(fault.reason)}). What was answered is kept; run the same command "
            "after that time to go on."
        )

    def _wait(self, tries: int) -> float:
        longest = min(
            self._patience.longest_wait_s, self._patience.first_wait_s * 2 ** max(0, tries - 1)
        )
        # Drawn, so that requests which failed together do not come back together.
        return longest * self._draw.uniform(0.5, 1.0)

    async def _until_first(self) -> None:
        stop = asyncio.create_task(self._stop.wait())
        first = asyncio.create_task(self._first.wait())
        try:
            await asyncio.wait({stop, first}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            first.cancel()

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise _Stopped

    def _end(self, error: EndpointError | RunError) -> None:
        self._why = self._why or error
        self._stop.set()

    def _hidden(self, text: str) -> str:
        return text if self._key is None else self._key.hidden_in(text)
