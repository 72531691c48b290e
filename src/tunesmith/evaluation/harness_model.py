"""Harness model: any model as EleutherAI's lm-evaluation-harness asks its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lm_eval.api.model import LM  # pyright: ignore[reportMissingImports]

from tunesmith.core.errors import ModelError
from tunesmith.core.examples import Conversation, Message
from tunesmith.evaluation.harness_settings import sampling_of

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]

    from tunesmith.chat.chat_model import ChatModel, Sampling
    from tunesmith.chat.local import LocalModel

PORTION = 256
"""Requests that are asked between two times that replies are kept: what a stop can cost at most."""


class Replies(Protocol):
    """Replies of before, by the key of their request."""

    def get(self, request: str) -> Any:
        """One of them; None: it was not asked yet."""
        ...

    def keep(self, replies: Mapping[str, Any]) -> None:
        """Adds some."""
        ...


class HarnessModel(LM):
    """Answers the three kinds of requests of the harness, each of them once.

    Texts are taken as they are: a task writes its prompts itself, so a model of this machine must
    have the plain template. A hosted one gets them as a user's message, and tells no likelihoods.
    """

    def __init__(
        self, opened: Callable[[], ChatModel], replies: Replies, *, only_writes: bool = False
    ) -> None:
        """Takes a model.

        Args:
            opened: gives it; called only where a reply is missing.
            replies: what it said before; gets what it says now.
            only_writes: it tells no likelihoods, so it need not be opened to find that out.
        """
        super().__init__()
        self._opened = opened
        self._replies = replies
        self._only_writes = only_writes

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """How likely a text is behind another, and whether it is what greedy choice would write.

        Raises:
            ModelError: the model tells no likelihoods.
            DataError: a continuation alone is longer than the model's window.
        """

        def ask(_: Hashable, some: Sequence[Instance]) -> list[tuple[float, bool]]:
            from tunesmith.evaluation.harness_likelihood import pair_likelihoods

            return pair_likelihoods(self._local(some[0]), [_args(request) for request in some])

        # Rows of a portion are alike in length, so that few are padded.
        told = self._told("loglikelihood", requests, ask, size=lambda args: len("".join(args)))
        return [(float(total), bool(is_greedy)) for total, is_greedy in told]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """How likely whole texts are, in windows without overlap of what is scored.

        Raises:
            ModelError: the model tells no likelihoods.
        """

        def ask(_: Hashable, some: Sequence[Instance]) -> list[float]:
            from tunesmith.evaluation.harness_likelihood import text_likelihoods

            return text_likelihoods(self._local(some[0]), [_args(request)[0] for request in some])

        return self._told("loglikelihood_rolling", requests, ask)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Greedy answers up to a stop text; those that are to be written alike, together.

        Raises:
            DataError: a task wants tokens drawn by chance.
        """
        samplings = {
            id(request): sampling_of(_args(request)[1], str(request.task_name))
            for request in requests
        }

        def ask(sampling: Sampling, some: Sequence[Instance]) -> list[str]:
            asked = [
                Conversation((Message("user", _args(request)[0]),), str(request.task_name))
                for request in some
            ]
            return [one.text for one in self._opened().complete(asked, sampling)]

        return self._told(
            "generate_until", requests, ask, group=lambda request: samplings[id(request)]
        )

    def _told(
        self,
        kind: str,
        requests: Sequence[Instance],
        ask: Callable[[Any, Sequence[Instance]], Sequence[Any]],
        *,
        group: Callable[[Instance], Hashable] = lambda request: None,
        size: Callable[[tuple[Any, ...]], int] = lambda args: 0,
    ) -> list[Any]:
        """Replies to requests, of which those are asked that are not kept, portion by portion.

        Args:
            kind: of the requests.
            requests: all of them; equal ones are asked once.
            ask: asks some of one group, in their order.
            group: what is asked together.
            size: the largest are asked first.
        """
        keys = [_key(kind, _args(request)) for request in requests]
        groups: dict[Hashable, dict[str, Instance]] = {}
        for key, request in zip(keys, requests, strict=True):
            if self._replies.get(key) is None:
                groups.setdefault(group(request), {})[key] = request
        for name, missing in groups.items():
            order = sorted(missing, key=lambda key: -size(_args(missing[key])))
            for start in range(0, len(order), PORTION):
                some = order[start : start + PORTION]
                said = ask(name, [missing[key] for key in some])
                self._replies.keep(dict(zip(some, said, strict=True)))
        return [self._replies.get(key) for key in keys]

    def _local(self, request: Instance) -> LocalModel:
        from tunesmith.chat.local import LocalModel

        model = None if self._only_writes else self._opened()
        if not isinstance(model, LocalModel):
            raise ModelError(
                f"task {request.task_name} asks for likelihoods of texts, which an endpoint does "
                "not tell. Ask hosted models tasks with output_type: generate_until."
            )
        return model


def _args(request: Instance) -> tuple[Any, ...]:
    return tuple(request.args)


def _key(kind: str, args: Sequence[Any]) -> str:
    """SHA-256 of what a request says."""
    text = json.dumps([kind, *args], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
