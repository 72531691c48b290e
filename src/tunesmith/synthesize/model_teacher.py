"""ModelTeacher: any chat model as a teacher, above all weights on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.patience import Failure
from tunesmith.chat.request import Request, conversation_of
from tunesmith.chat.spend import Spend
from tunesmith.chat.teacher import Outcome
from tunesmith.core.errors import DataError, RunError, TemplateError

WINDOW = 4
"""Batches whose requests are sorted by length together: enough for even batches, and so few that
neither memory nor what a crash undoes grows with the job."""
ADVICE = "Ask for fewer at once, for shorter answers, of shorter passages, or a smaller model"


class ModelTeacher:
    """Answers requests in batches of similar length; they are told the form in words alone.

    An answer depends on its request and not on the batch: draws have the request's own seed. After
    a crash what was in the batch is asked again.

    Attributes:
        endpoint: stands for the weights in the keys of requests.
        spend: tokens so far.
    """

    def __init__(self, model: ChatModel, endpoint: Endpoint, *, batch_size: int = 32) -> None:
        """Takes a loaded model.

        Args:
            model: answers.
            endpoint: what tells it from any other model.
            batch_size: requests at once; halved where memory runs out.
        """
        self.endpoint = endpoint
        self.spend = Spend()
        self.batch_size = batch_size
        self._model = model

    def work(self, requests: Iterable[Request], take: Callable[[Request, Outcome], None]) -> None:
        """Asks requests, and hands the outcomes of each batch over at once.

        Args:
            requests: a few batches of them are taken together.
            take: called in this thread.
        """
        iterator = iter(requests)
        while window := list(islice(iterator, WINDOW * self.batch_size)):
            for batch in self._batches(window):
                for request, outcome in zip(batch, self._answer(batch), strict=True):
                    if isinstance(outcome, Completion):
                        self.spend.add(outcome)
                    take(request, outcome)

    def _batches(self, window: Sequence[Request]) -> Iterator[Sequence[Request]]:
        """Requests that can be answered together, the longest first."""
        order = sorted(window, key=lambda one: (_ways(one.sampling), -one.n_tokens_about))
        for _, alike in groupby(order, lambda one: _ways(one.sampling)):
            rest = list(alike)
            while rest:
                yield rest[: self.batch_size]
                rest = rest[self.batch_size :]

    def _answer(self, batch: Sequence[Request]) -> list[Outcome]:
        from tunesmith.training.fit import Portion

        portion = Portion(self.batch_size, "the teacher's answers", ADVICE)
        try:
            found = portion.run(len(batch), partial(self._complete, batch), lambda: None)
        except (TemplateError, DataError, RunError) as error:
            if len(batch) == 1:  # nothing but this request is the matter
                return [Failure(str(error), isinstance(error, RunError))]
            return [outcome for one in batch for outcome in self._answer([one])]
        self.batch_size = portion.size
        return [self._whole(completion) for completion in found]

    def _complete(self, batch: Sequence[Request], n_at_once: int) -> list[Completion]:
        from tunesmith.chat.local import LocalModel

        asked = [conversation_of(request) for request in batch]
        seeds = [request.sampling.seed + request.sample for request in batch]
        sampling = batch[0].sampling
        if isinstance(self._model, LocalModel):
            self._model.batch_size = n_at_once
            return self._model.complete(asked, sampling, seeds=seeds)
        n = n_at_once if sampling.temperature == 0 else 1
        found: list[Completion] = []
        for start in range(0, len(asked), n):
            own = replace(sampling, seed=seeds[start])
            found += self._model.complete(asked[start : start + n], own)
        return found

    def _whole(self, completion: Completion) -> Outcome:
        if completion.n_prompt_cut:
            return Failure(f"{completion.n_prompt_cut:,} tokens of the prompt had no room", False)
        return replace(completion, model=completion.model or str(self.endpoint))


def _ways(sampling: Sampling) -> tuple[int, float, float]:
    """What requests have to share to be answered together; each has a seed of its own."""
    return sampling.max_new_tokens, sampling.temperature, sampling.top_p
