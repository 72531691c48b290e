"""Pace: when the next request may go out, by the limits that the endpoint tells.

Requests go out evenly, at the rate of the limit. A refusal (429) holds back all of them, for as
long as the endpoint says, and lowers the rate, which then recovers bit by bit. Where the limits
that are told do not explain the refusals, the rate that was answered makes us guess one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

from tunesmith.chat.allowed import Allowed

SLACK_S = 0.25
"""A slot that was not used is lost after so long, so no burst follows a pause."""
SLOWER = 0.85
"""What is left of the rate after a refusal."""
SLOWEST = 0.02
FASTER_PER_S = 0.02
"""Share of the full rate that comes back each second."""
WINDOW_S = 10.0
"""What was sent and refused without a known reason is measured over so long."""
FEW = 4
MANY = 1 / 3
"""Refusals without a known reason slow us down when they are so many, and such a share of what was
sent: single ones have nothing to do with our rate."""
GUESS = 0.7
"""Of the rate that was answered."""
LEAST_GUESS = 0.5
"""Requests a second."""
GUESS_GROWS_PER_S = 1.1
"""A guess is soon wrong, so it grows until it is refused again."""
PLENTY = 0.5
"""Of the token limit: while more than this is left, tokens hold nothing back."""
REMEMBERS = 0.98
"""Of the tokens of prompts counted so far, at each further one."""
LEAST_RATIO, MOST_RATIO = 0.2, 5.0


class Pace:
    """Slots for requests, on the monotonic clock; for one event loop."""

    def __init__(self) -> None:
        self._allowed = {kind: Allowed(kind) for kind in ("requests", "tokens")}
        self._ready: dict[str, float] = {}
        self._guess: float | None = None
        self._guess_from = (0, 1.0)
        """Requests that were answered, as far as known, and in how many seconds."""
        self._guessed_at = -1e9
        self._since: float | None = None
        """When what is measured began."""
        self._factor = 1.0
        self._slowed_at = -1e9
        self._paused_until = -1e9
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._n_about, self._n_counted = 0.0, 0.0
        self._costliest = 0.0
        self.n_lapses = 0
        """Slots that were reserved before the last of these are void. After a pause all that waited
        would go out together else."""

    def cost(self, n_prompt_about: int, n_answer: int) -> float:
        """Tokens that the endpoint will count, as far as it has shown how it counts.

        Args:
            n_prompt_about: our estimate of the prompt.
            n_answer: the longest answer that is asked for.
        """
        ratio = self._n_counted / self._n_about if self._n_about else 1.0
        return n_prompt_about * min(MOST_RATIO, max(LEAST_RATIO, ratio)) + n_answer

    def counted(self, n_prompt_about: int, n_prompt: int) -> None:
        """Takes how many tokens the endpoint counted in a prompt that was estimated."""
        if n_prompt_about > 0 and n_prompt > 0:
            if not self._n_about:  # all that waits has reserved by an estimate that is wrong
                self.n_lapses += 1
                for kind in self._allowed:
                    self._ready[kind] = max(self._paused_until, time.monotonic())
            self._n_about = REMEMBERS * self._n_about + n_prompt_about
            self._n_counted = REMEMBERS * self._n_counted + n_prompt

    def reserve(self, n_tokens: float) -> float:
        """Takes the next slot.

        Args:
            n_tokens: what the request may cost, prompt and longest answer together.

        Returns:
            When it may be sent, on the monotonic clock.
        """
        now = time.monotonic()
        at = max(now, self._paused_until)
        self._costliest = max(self._costliest, n_tokens)
        for kind, cost in (("requests", 1.0), ("tokens", n_tokens)):
            rate = self._rate(kind, now)
            if rate is not None:
                ready = max(self._ready.get(kind, now), now - SLACK_S)
                self._ready[kind] = ready + cost / rate
                at = max(at, ready)
        return at

    def sent(self) -> None:
        """Notes that a request goes out now."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        self._sent.append(now)
        self._forget(now)

    def learn(self, headers: Mapping[str, str], n_tokens_in_flight: float = 0.0) -> None:
        """Takes the limits from a reply's headers; those that are missing change nothing.

        Args:
            headers: names in small letters.
            n_tokens_in_flight: what the requests under way may cost.
        """
        for allowed in self._allowed.values():
            allowed.learn(headers)
        tokens = self._allowed["tokens"]
        if "x-ratelimit-remaining-tokens" in headers and tokens.limit and tokens.left is not None:
            if tokens.left - n_tokens_in_flight > PLENTY * tokens.limit:
                # Our estimate is the longest answer; this endpoint counts what was really written.
                self._ready["tokens"] = time.monotonic()

    def slow_down(self, sent_at: float, wait_s: float, *, is_told: bool) -> None:
        """Holds everything back after a refusal.

        Args:
            sent_at: when the refused request was sent; of many that were under way together only
                the first lowers the rate.
            wait_s: how long nothing is sent.
            is_told: whether the endpoint has asked for that wait.
        """
        now = time.monotonic()
        if now + wait_s > self._paused_until:
            self._paused_until = now + wait_s
            self.n_lapses += 1
        requests, tokens = self._allowed["requests"], self._allowed["tokens"]
        if requests.explains_refusal(1.0) or tokens.explains_refusal(self._costliest):
            if requests.rate is None and not is_told:
                self._refuse(sent_at, now, at_once=True)
            elif requests.rate is not None and sent_at > self._slowed_at:
                self._factor = max(SLOWEST, self._share(now) * SLOWER)
                self._slowed_at = now
        else:
            self._refuse(sent_at, now, at_once=not is_told)
        for kind in self._allowed:
            self._ready[kind] = max(self._paused_until, now)

    def _refuse(self, sent_at: float, now: float, *, at_once: bool) -> None:
        """Counts a refusal that no limit explains, and guesses a rate once they are many."""
        if sent_at <= self._guessed_at:  # it was under way, and taken for answered
            n, over_s = self._guess_from
            self._guess_by(n - 1, over_s)
            return
        self._refused.append(sent_at)
        self._forget(now)
        n_sent, n_refused = len(self._sent), len(self._refused)
        if at_once or (n_refused >= FEW and n_refused >= MANY * n_sent):
            since = now if self._since is None else self._since
            self._guess_by(n_sent - n_refused, max(0.1, min(WINDOW_S, now - since)))
            self._guessed_at = self._since = now
            self._sent.clear()
            self._refused.clear()

    def _forget(self, now: float) -> None:
        for times in (self._sent, self._refused):
            while times and times[0] < now - WINDOW_S:
                times.popleft()

    def _guess_by(self, n_answered: int, over_s: float) -> None:
        self._guess_from = (n_answered, over_s)
        self._guess = max(LEAST_GUESS, GUESS * max(1, n_answered) / over_s)

    def _rate(self, kind: str, now: float) -> float | None:
        """What may be sent a second; None where nothing limits it."""
        told = self._allowed[kind].rate
        rate = None if told is None else told * self._share(now)
        if kind == "requests" and self._guess is not None:
            guess = self._guess * GUESS_GROWS_PER_S ** min(60.0, now - self._guessed_at)
            return guess if rate is None else min(rate, guess)
        return rate

    def _share(self, now: float) -> float:
        """Share of the told rate that is used now."""
        return min(1.0, self._factor + FASTER_PER_S * max(0.0, now - self._slowed_at))
