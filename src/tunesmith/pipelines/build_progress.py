"""Build progress: calls, tokens and cost so far and to come, on standard error."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType

from tunesmith.chat.spend import Prices
from tunesmith.synthesize.estimate import Effort
from tunesmith.synthesize.work_through import Worked

LINES = 8
"""Lines of one step, where nobody watches."""
TENTH_S = 0.1
ENOUGH = 5
"""Answered calls of a step by which the others are judged."""


class BuildProgress:
    """Shows one step at a time; a context manager.

    In a terminal a live line, else a line for every eighth of a step.

    Args:
        prices: of the teacher's tokens.
        before: what earlier calls have spent on this dataset.
        is_shown: whether anything is shown.
    """

    def __init__(
        self, prices: Prices | None, *, before: Effort | None = None, is_shown: bool
    ) -> None:
        self.prices = prices
        self.is_shown = is_shown
        self.is_live = is_shown and sys.stderr.isatty()
        self.before = before or Effort()
        self.spent = Effort()
        """Of this process."""
        self._states: Counter[str] = Counter()
        self._step, self._n_calls, self._n_done = "", 0, 0
        self._expected, self._later = Effort(), Effort()
        self._spent_before_step = Effort()
        self._shown_at = 0.0

    def __enter__(self) -> BuildProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_line()
        if kind is KeyboardInterrupt and self.is_shown:
            n = self.before.calls + self.spent.calls
            print(f"{n:,} replies are kept; the same command goes on", file=sys.stderr)

    def begin(self, step: str, n_open: int, expected: Effort, later: Effort | None = None) -> None:
        """Begins a step.

        Args:
            step: what it is called.
            n_open: calls that are not answered yet.
            expected: what these are expected to take.
            later: what the steps behind it are expected to take; None: there are none.
        """
        self._end_line()
        self._step, self._n_calls, self._n_done = step, n_open, 0
        self._expected, self._later = expected, later or Effort()
        self._states.clear()
        self._spent_before_step = self.spent
        if n_open:
            self._show()

    def tell(self, worked: Worked) -> None:
        """Takes one outcome in."""
        if worked.completion is not None:
            self.spent += Effort(1, worked.completion.n_prompt_tokens, worked.completion.n_tokens)
        self._states[worked.state] += 1
        if worked.state == "pending":
            return
        self._n_done += 1
        every = max(1, self._n_calls // LINES)
        now = time.monotonic()
        if self.is_live:
            if now - self._shown_at >= TENTH_S or self._n_done == self._n_calls:
                self._show()
        elif self._n_done % every == 0 or self._n_done == self._n_calls:
            self._show()

    def cost_to_come(self) -> float | None:
        """Of this step's open calls, at the price of its answered ones, and of the later steps."""
        later = self._later.cost(self.prices)
        if self.prices is None or later is None:
            return None
        here = self._expected
        if self._n_done >= ENOUGH:
            here = Effort(
                self._n_done,
                self.spent.prompt_tokens - self._spent_before_step.prompt_tokens,
                self.spent.tokens - self._spent_before_step.tokens,
            )
        per_call = (here.cost(self.prices) or 0.0) / max(1, here.calls)
        return max(0, self._n_calls - self._n_done) * per_call + later

    def _show(self) -> None:
        if not self.is_shown:
            return
        self._shown_at = time.monotonic()
        parts = [f"{self._step}: {self._n_done:,} of {self._n_calls:,} calls"]
        parts += [f"{n:,} {s}" for s in ("rejected", "failed") if (n := self._states[s])]
        whole = self.before + self.spent
        parts.append(f"{whole.prompt_tokens + whole.tokens:,.0f} tokens")
        cost, to_come = whole.cost(self.prices), self.cost_to_come()
        if cost is not None and to_come is not None:
            parts.append(f"cost {cost:.4f} so far, about {to_come:.4f} to come")
        text = ", ".join(parts)
        if self.is_live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def _end_line(self) -> None:
        if self.is_live and self._n_calls:
            print(file=sys.stderr, flush=True)
        self._n_calls = 0
