"""Teacher: whoever answers many requests that are kept in a store, be it hosted or here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.patience import Failure
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Spend

Outcome = Completion | Failure


class Teacher(Protocol):
    """Answers requests as they come.

    Attributes:
        endpoint: part of every request's key: another endpoint's answers are other answers.
        spend: tokens and money so far.
    """

    @property
    def endpoint(self) -> Endpoint:
        """Where it is and what it is called there; of weights here, a hash of them."""
        ...

    @property
    def spend(self) -> Spend:
        """Tokens and money so far."""
        ...

    def work(self, requests: Iterable[Request], take: Callable[[Request, Outcome], None]) -> None:
        """Asks requests, and hands each outcome over as soon as it is there.

        Args:
            requests: taken when there is room for them.
            take: called in one thread, never twice at once.

        Raises:
            EndpointError: no request will be answered now; those without an outcome can be asked
                again.
        """
        ...
