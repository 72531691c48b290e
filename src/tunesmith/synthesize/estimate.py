"""Estimate: calls, tokens and money of what a plan still asks for.

Before anything was answered, by the length of the prompts and what a row of each kind usually
takes; from then on by what the answered calls took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.synthesize.collect import OPEN, VerifyRequest, Written, written
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.plan import Plan, Planned
from tunesmith.synthesize.store import RequestStore
from tunesmith.synthesize.verify import PURPOSE

BYTES_PER_TOKEN = 4
"""Of a prompt: English has rather more bytes in a token, Chinese rather fewer."""
AROUND_A_MESSAGE = 8
"""Tokens that tell who speaks."""
OF_ITS_ROOM = 0.3
"""That a row takes of the tokens its kind reserves for one, until it has shown how many."""
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


@dataclass
class _Step:
    """One step: what is open, and how far the guesses of prompts were off."""

    open: Effort = field(default_factory=Effort)
    seen_prompt_tokens: int = 0
    guessed_prompt_tokens: int = 0

    def add(self, request: Request, n_tokens: float, replies: Sequence[Completion]) -> None:
        """Counts a call that is open, or learns from one that was answered."""
        if not replies:
            self.open += Effort(1, n_tokens_of(request), n_tokens)
            return
        self.guessed_prompt_tokens += n_tokens_of(request)
        self.seen_prompt_tokens += replies[0].n_prompt_tokens

    def effort(self) -> Effort:
        """What is open, in the measure of what was seen."""
        guessed = self.guessed_prompt_tokens
        ratio = self.seen_prompt_tokens / guessed if guessed else 1.0
        return Effort(self.open.calls, self.open.prompt_tokens * ratio, self.open.tokens)


def n_tokens_of(request: Request) -> int:
    """Tokens of a prompt, about."""
    return sum(
        len(m["content"].encode("utf-8", "replace")) // BYTES_PER_TOKEN + AROUND_A_MESSAGE
        for m in request.messages
    )


def estimate(
    plan: Plan, verify: VerifyRequest | None, store: RequestStore | None = None
) -> dict[str, Effort]:
    """What a plan still asks for: ``generate``, and ``verify`` where drafts are verified.

    Of a call that is not answered yet every draft is taken to reach its second call, so that step
    is rather too high at first.

    Args:
        plan: the calls.
        verify: gives the request that verifies drafts of a call.
        store: with what was answered before.
    """
    first, second = _Step(), _Step()
    learnt = _tokens_per_item(store)
    for one in written(plan, store) if store is not None else map(Written, plan, repeat(None)):
        planned = one.planned
        if planned.request is None:
            continue
        is_open = one.result is None or one.result.state in OPEN
        replies = () if one.result is None or is_open else one.result.replies
        if is_open or replies:
            usual = OF_ITS_ROOM * planned.kind.room
            per_row = learnt.get(planned.kind.name, usual)
            first.add(planned.request, planned.n * per_row, replies)
        drafts = _typical(planned) if is_open else one.survivors
        if verify is None or not drafts:
            continue
        request = verify(planned, drafts)
        done = store.result(request.key(store.endpoint)) if store is not None else None
        if done is None or done.state in OPEN or done.replies:
            answered = () if done is None or done.state in OPEN else done.replies
            per_verdict = learnt.get(PURPOSE, TOKENS_PER_VERDICT)
            second.add(request, len(drafts) * per_verdict, answered)
    efforts = {"generate": first.effort()}
    return efforts if verify is None else {**efforts, PURPOSE: second.effort()}


def _tokens_per_item(store: RequestStore | None) -> dict[str, float]:
    """Tokens that an item of each kind took, and a verdict, in all replies that were kept."""
    tokens: Counter[str] = Counter()
    items: Counter[str] = Counter()
    for result in store.results() if store is not None else ():
        if result.state == "done" and result.value:
            step = result.tag.partition("/")[0]
            tokens[step] += sum(reply.n_tokens for reply in result.replies)
            items[step] += len(result.value)
    return {step: tokens[step] / n for step, n in items.items()}


def _typical(planned: Planned) -> list[Draft]:
    """Drafts of the length that is to be expected, in the passage's own words."""
    text, n = planned.passage.text, planned.n
    bytes_per_char = max(1.0, len(text.encode("utf-8", "replace")) / max(1, len(text)))
    size = max(1, min(len(text) // n, round(QUOTE_BYTES / bytes_per_char)))
    quote, half = text[:size], text[: (size + 1) // 2]
    return [Draft(planned.kind.name, (Turn(half, half),), (quote,))] * n
