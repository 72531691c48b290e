"""Spend: tokens and money that a hosted model has cost so far, and the cap on them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.spent_file import SpentFile
from tunesmith.core.errors import EndpointError, RecipeError, did_you_mean


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


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of several models' tokens.

    Attributes:
        others: of every model that is not named; None: not known.
        by_name: of single models, by their names in the table.
    """

    others: Prices | None = None
    by_name: Mapping[str, Prices] = field(default_factory=dict[str, Prices])

    def of(self, name: str) -> Prices | None:
        """What a model's tokens cost; None where nobody says."""
        return self.by_name.get(name, self.others)

    def require_known(self, names: Collection[str]) -> None:
        """Checks that prices are given of models that are there.

        Raises:
            RecipeError: there is none of that name.
        """
        for name in self.by_name:
            if name not in names:
                near = did_you_mean(name, names)
                raise RecipeError(f"prices of {name!r}: none of the models is called so. {near}")


def price_list(prices: Prices | PriceList | None) -> PriceList:
    """Prices as they are given: of each model, of all of them, or of none."""
    return prices if isinstance(prices, PriceList) else PriceList(prices)


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
    file: SpentFile | None = None
    """Where it is written down for later commands; None: nowhere."""

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

    def keep_in(self, file: SpentFile) -> None:
        """Counts what a file says was spent before, and writes there what is spent from now on.

        Raises:
            RunError: the file is broken.
        """
        self.bring_forward(*file.before())
        self.file = file

    def add(self, completion: Completion) -> None:
        """Counts a reply.

        Raises:
            RunError: it cannot be written down; it is counted all the same.
        """
        self.n_replies += 1
        self.n_prompt_tokens += completion.n_prompt_tokens
        self.n_tokens += completion.n_tokens
        if self.file is not None:
            self.file.add(completion.n_prompt_tokens, completion.n_tokens)

    def check(self) -> None:
        """Asks whether another request may be sent.

        Raises:
            EndpointError: the cap is reached. It is passed by at most what was under way.
        """
        if self.max_cost is not None and self.cost is not None and self.cost >= self.max_cost:
            before = "" if self.file is None else f", as {self.file.path} has it"
            raise EndpointError(
                f"the cap of {self.max_cost:g} is reached: the replies so far cost "
                f"{self.cost:.4f}{before}. What was answered is kept; go on with a higher cap."
            )
