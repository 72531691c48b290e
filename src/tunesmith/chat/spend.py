"""Spend: tokens and money that a hosted model has cost so far, and the cap on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tunesmith.chat.chat_model import Completion
from tunesmith.core.errors import EndpointError


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in the currency of the bill."""

    prompt: float
    answer: float

    def __post_init__(self) -> None:
        if not (0 <= self.prompt < math.inf and 0 <= self.answer < math.inf):
            raise EndpointError(
                f"prices of {self.prompt:g} and {self.answer:g}: give what a million tokens of "
                "prompt and of answer cost, 0 or more each."
            )

    def of(self, n_prompt_tokens: int, n_tokens: int) -> float:
        """What so many tokens cost."""
        return (n_prompt_tokens * self.prompt + n_tokens * self.answer) / 1e6


@dataclass(slots=True)
class Spend:
    """What was answered, and what it cost.

    Requests that failed may be billed too; nobody tells us, so they are not in it.
    """

    prices: Prices | None = None
    max_cost: float | None = None
    n_replies: int = 0
    n_prompt_tokens: int = 0
    n_tokens: int = 0

    def __post_init__(self) -> None:
        if self.max_cost is not None and self.prices is None:
            raise EndpointError(
                "a cap on the cost needs the prices of a million tokens of prompt and of answer. "
                "Take them from the provider's page and give both."
            )

    @property
    def cost(self) -> float | None:
        """Money so far; None where no prices are given."""
        if self.prices is None:
            return None
        return self.prices.of(self.n_prompt_tokens, self.n_tokens)

    def priced(self, completion: Completion) -> Completion:
        """A reply with what its tokens cost, be it new or kept from before."""
        if self.prices is None:
            return replace(completion, cost=None)
        cost = self.prices.of(completion.n_prompt_tokens, completion.n_tokens)
        return replace(completion, cost=cost)

    def bring_forward(self, n_prompt_tokens: float, n_tokens: float) -> None:
        """Counts what was spent before, by another process: the cap is on both together."""
        self.n_prompt_tokens += round(n_prompt_tokens)
        self.n_tokens += round(n_tokens)

    def add(self, completion: Completion) -> None:
        """Counts a reply."""
        self.n_replies += 1
        self.n_prompt_tokens += completion.n_prompt_tokens
        self.n_tokens += completion.n_tokens

    def check(self) -> None:
        """Asks whether another request may be sent.

        Raises:
            EndpointError: the cap is reached. It is passed by at most what was under way.
        """
        if self.max_cost is not None and self.cost is not None and self.cost >= self.max_cost:
            raise EndpointError(
                f"the cap of {self.max_cost:g} is reached: the replies so far cost "
                f"{self.cost:.4f}. What was answered is kept; go on with a higher cap."
            )
