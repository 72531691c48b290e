"""Estimate: calls, tokens and money of a plan, before and while it is worked through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.plan import Planned

BYTES_PER_TOKEN = 4
"""Of a prompt: English has rather more bytes in a token, Chinese rather fewer."""
AROUND_A_MESSAGE = 8
"""Tokens that tell who speaks."""
TOKENS_PER_ROW = 90
"""That a teacher writes for a row, until it has shown how many."""
TOKENS_PER_VERDICT = 35
QUOTE_BYTES = 120
"""Of a typical quote; a question and an answer have half of that each."""


@dataclass(slots=True)
class Effort:
    """Calls, and the tokens of their prompts and answers."""

    calls: int = 0
    prompt_tokens: float = 0
    tokens: float = 0

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.tokens + other.tokens,
        )

    def cost(self, prices: Prices | None) -> float | None:
        """Money; None without prices."""
        if prices is None:
            return None
        return (self.prompt_tokens * prices.prompt + self.tokens * prices.answer) / 1e6

    def as_dict(self, prices: Prices | None) -> dict[str, float | int | None]:
        """Ready for JSON; tokens are rounded."""
        cost = self.cost(prices)
        return {
            "calls": self.calls,
            "prompt_tokens": round(self.prompt_tokens),
            "answer_tokens": round(self.tokens),
            "cost": None if cost is None else round(cost, 6),
        }


def n_tokens_of(request: Request) -> int:
    """Tokens of a prompt, about."""
    return sum(
        len(m["content"].encode("utf-8", "replace")) // BYTES_PER_TOKEN + AROUND_A_MESSAGE
        for m in request.messages
    )


def estimate(
    plan: Iterable[Planned], verify: Callable[[Planned, Sequence[Draft]], Request] | None
) -> dict[str, Effort]:
    """What a plan asks for: ``generate``, and ``verify`` where drafts are verified.

    Every call is taken to be answered as it was asked for, and every draft to reach its second
    call; so the second step is rather too high.

    Args:
        plan: the calls.
        verify: gives the request that verifies drafts of a call.
    """
    first, second = Effort(), Effort()
    for planned in plan:
        if planned.request is None:
            continue
        first += Effort(1, n_tokens_of(planned.request), planned.n * TOKENS_PER_ROW)
        if verify is not None:
            request = verify(planned, _typical(planned))
            second += Effort(1, n_tokens_of(request), planned.n * TOKENS_PER_VERDICT)
    return {"generate": first} if verify is None else {"generate": first, "verify": second}


def _typical(planned: Planned) -> list[Draft]:
    """Drafts of the length that is to be expected, in the passage's own words."""
    text, n = planned.passage.text, planned.n
    bytes_per_char = max(1.0, len(text.encode("utf-8", "replace")) / max(1, len(text)))
    size = max(1, min(len(text) // n, round(QUOTE_BYTES / bytes_per_char)))
    quote, half = text[:size], text[: (size + 1) // 2]
    return [Draft(planned.kind.name, (Turn(half, half),), (quote,))] * n
