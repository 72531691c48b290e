"""Windows: a long conversation -> stretches that begin with the customer and end with the agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tunesmith.synthesize.dialogues.clean import Turn

BEFORE = "before the customer's first turn"
BEHIND = "behind the agent's last answer"


@dataclass(slots=True)
class Windows:
    """The stretches, and the messages that are in none."""

    windows: list[tuple[Turn, ...]] = field(default_factory=list[tuple[Turn, ...]])
    dropped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Reason and place."""


def part_into_windows(
    turns: Sequence[Turn], *, max_turns: int | None = None, max_chars: int | None = None
) -> Windows:
    """Parts turns that take their order into windows.

    No turn is in two windows. Every window is as long as it may be.

    Args:
        turns: of customer and agent, one after the other.
        max_turns: of a window, at least 2.
        max_chars: of all turns of a window together.
    """
    found = Windows()
    first = next((n for n, turn in enumerate(turns) if turn.side == "customer"), len(turns))
    last = max((n for n, turn in enumerate(turns) if turn.side == "agent"), default=-1)
    found.dropped += _told(BEFORE, turns[:first])
    found.dropped += _told(BEHIND, turns[max(first, last + 1) :])
    window: list[Turn] = []
    n_chars = 0
    for pair in _pairs(turns[first : last + 1]):
        size = sum(len(turn.text) for turn in pair)
        if max_chars is not None and size > max_chars:
            reason = f"a question with its answer is longer than {max_chars:,} characters"
            found.dropped += _told(reason, pair)
            found.windows += [tuple(window)] if window else []
            window, n_chars = [], 0
            continue
        is_full = (max_turns is not None and len(window) + 2 > max_turns) or (
            max_chars is not None and n_chars + size > max_chars
        )
        if is_full and window:
            found.windows.append(tuple(window))
            window, n_chars = [], 0
        window += pair
        n_chars += size
    found.windows += [tuple(window)] if window else []
    return found


def _pairs(turns: Sequence[Turn]) -> Iterator[Sequence[Turn]]:
    for start in range(0, len(turns), 2):
        yield turns[start : start + 2]


def _told(reason: str, turns: Sequence[Turn]) -> list[tuple[str, str]]:
    return [(reason, place) for turn in turns for place in turn.origins]
