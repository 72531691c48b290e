"""Build progress: calls, rows and cost so far and to come, on standard error."""

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


class BuildProgress:
    """Shows one step at a time; a context manager.

    In a terminal a live line, else a line for every eighth of a step.
    """

    def __init__(self, prices: Prices | None, *, is_shown: bool) -> None:
        self.prices = prices
        self.is_shown = is_shown
        self.is_live = is_shown and sys.stderr.isatty()
        self.spent = Effort()
        """Of this process."""
        self.states: Counter[str] = Counter()
        self._step, self._n_calls, self._n_done = "", 0, 0
        self._to_come = Effort()
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

    def begin(self, step: str, n_open: int, expected: Effort) -> None:
        """Begins a step.

        Args:
            step: what it is called.
            n_open: calls that are not answered yet.
            expected: what all calls of this step and of the next ones are expected to take.
        """
        self._end_line()
        self._step, self._n_calls, self._n_done = step, n_open, 0
        self._to_come = expected
        if n_open:
            self._show()

    def tell(self, worked: Worked) -> None:
        """Takes one outcome in."""
        if worked.completion is not None:
            self.spent += Effort(1, worked.completion.n_prompt_tokens, worked.completion.n_tokens)
        self.states[worked.state] += 1
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

    def _show(self) -> None:
        if not self.is_shown:
            return
        self._shown_at = time.monotonic()
        parts = [f"{self._step}: {self._n_done:,} of {self._n_calls:,} calls"]
        bad = [f"{n:,} {s}" for s in ("rejected", "failed") if (n := self.states[s])]
        parts += [*bad, f"{self.spent.prompt_tokens + self.spent.tokens:,.0f} tokens"]
        cost = self.spent.cost(self.prices)
        if cost is not None:
            parts.append(f"cost {cost:.4f} so far{self._cost_to_come()}")
        text = ", ".join(parts)
        if self.is_live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def _cost_to_come(self) -> str:
        """By what was expected of the calls that are left, at the price the answered ones had."""
        whole = self._to_come.cost(self.prices)
        if whole is None or not self._n_calls or not self._to_come.calls:
            return ""
        left = max(0, self._to_come.calls - self._n_done)
        per_call = whole / self._to_come.calls
        return f", about {left * per_call:.4f} to come"

    def _end_line(self) -> None:
        if self.is_live and self._n_calls:
            print(file=sys.stderr, flush=True)
        self._n_calls = 0
