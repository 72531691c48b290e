"""Budget: how much a chunk may hold, in characters or in tokens of a tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tunesmith.core.errors import DataError

LEAST_CHARS = 1
LEAST_TOKENS = 32
"""One character of four bytes can take several tokens."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The largest size of a chunk.

    Raises:
        DataError: it is too small for a single character.
    """

    limit: int = 2000
    count: Callable[[str], int] = len
    """Size of a text; of characters it is their number."""
    unit: str = "characters"

    def __post_init__(self) -> None:
        least = LEAST_CHARS if self.unit == "characters" else LEAST_TOKENS
        if self.limit < least:
            raise DataError(
                f"a chunk of {self.limit} {self.unit} is too small. Take {least} or more."
            )

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether a stretch of text is within the budget."""
        if self.count is len:
            return end - start <= self.limit
        # No tokenizer makes more tokens of a text than it has bytes, but for one before it.
        if 4 * (end - start) + 1 <= self.limit:
            return True
        return self.count(text[start:end]) <= self.limit


def in_tokens(limit: int, count: Callable[[str], int]) -> Budget:
    """A budget in tokens; ``count`` gives the number of tokens of a text."""
    return Budget(limit, count, "tokens")
