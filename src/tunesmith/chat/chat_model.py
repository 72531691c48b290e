"""ChatModel: whatever answers a conversation, be it local, tuned or hosted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tunesmith.chat.patience import Failure
from tunesmith.core.errors import RecipeError
from tunesmith.core.examples import Conversation


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen.

    Raises:
        RecipeError: a value is out of its bounds.
    """

    max_new_tokens: int = 256
    """Longest answer in tokens; 1 or more."""
    temperature: float = 0.0
    """0: always the likeliest token; else logits are divided by it and a token is drawn."""
    top_p: float = 1.0
    """Tokens are drawn from the smallest set that holds this much probability; over 0, at most
    1."""
    seed: int = 0
    """Of the draws."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer, and are no part of it, beside those of the model's template; none
    is empty."""

    def __post_init__(self) -> None:
        if not self.max_new_tokens >= 1:
            raise RecipeError(
                f"max_new_tokens: {self.max_new_tokens} leaves no room for an answer. Give 1 or "
                "more."
            )
        if not 0 <= self.temperature < math.inf:
            raise RecipeError(
                f"temperature: {self.temperature} is no temperature. Give 0 for always the "
                "likeliest token, or a number over it, such as 0.7."
            )
        if not 0 < self.top_p <= 1:
            raise RecipeError(
                f"top_p: {self.top_p} is no share of the probability. Give a number over 0, and 1 "
                "for all tokens."
            )
        if any(not text for text in self.stop):
            raise RecipeError(
                f"stop: {list(self.stop)} has an empty text, which every answer begins with. "
                "Leave it out, or write the text that ends an answer."
            )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said."""

    text: str
    finish_reason: Literal["stop", "length", "content_filter", "refusal"]
    """``length``: the answer was cut by the token limit. ``content_filter``: the service withheld
    it; ``refusal``: the model declined in the way its protocol has for that."""
    n_prompt_tokens: int
    n_tokens: int
    """Tokens of the answer, its end token not counted."""
    n_prompt_cut: int = 0
    """Tokens of the prompt's material that had to be left out."""
    model: str = ""
    """What a hosted model calls itself in its reply; empty for a local one."""
    latency_s: float | None = field(default=None, compare=False)
    """Seconds: of a hosted model from sending the request to its last byte, waits and retries
    before it apart; of a local one from the moment it is taken in among those that are answered at
    once to its end, so that the work on the others within that time is in it, and the wait for room
    is not. Tokens a second of many answers are their tokens by the time of all, and never by the
    sum of these. None where nothing was asked. Two answers that differ in nothing else are
    equal."""
    cost: float | None = None
    """What its tokens cost at the prices that are known; None where none are."""
    n_shots_left_out: int = 0
    """Answered examples that a prompted model shows first and that had no room here."""
    asked_without: str = ""
    """Fields of sampling, such as ``temperature``, that a hosted model's endpoint had refused and
    was asked without."""


class ChatModel(ABC):
    """Answers conversations that end with a request.

    Attributes:
        instruction: the one request it was tuned for; None: there is none.
    """

    instruction: str | None = None

    @abstractmethod
    def complete(
        self,
        many: Sequence[Conversation],
        sampling: Sampling,
        *,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answers many conversations, in their order.

        Args:
            many: end with a request each.
            sampling: how tokens are chosen.
            seeds: of each conversation's draws; None: made from that of ``sampling`` and the place.
                In both cases draws do not depend on the other conversations.
        """

    def outcomes(
        self, many: Sequence[Conversation], sampling: Sampling
    ) -> list[Completion | Failure]:
        """Answers many conversations, and keeps none back for one that cannot be answered.

        Returns:
            In their order; of one that will never be answered, as where it does not fit, the
            reason.

        Raises:
            EndpointError: requests were not answered that may be later.
        """
        return list(self.complete(many, sampling))

    @abstractmethod
    def stream(
        self, conversation: Conversation, sampling: Sampling
    ) -> Generator[str, None, Completion]:
        """Answers one conversation piece by piece; the pieces join to the whole text.

        Returns:
            The whole answer, which tells whether it was cut: the generator's return value, as
            ``yield from`` and :class:`StopIteration` give it.
        """
