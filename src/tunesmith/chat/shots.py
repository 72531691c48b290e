"""Shots: answered examples that are put before a request (Brown et al. 2020, arXiv:2005.14165).

Nothing is trained. Which examples stand there is decided once (``fixed``, ``random``) or for each
request by the words it shares with them (``nearest``); the request itself is never among them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from tunesmith.core.examples import Conversation, Message

Choice = Literal["fixed", "random", "nearest"]
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
"""A Chinese character, or a run of letters and digits."""


@dataclass(frozen=True)
class Shots:
    """Examples to choose from, and how.

    Attributes:
        examples: conversations that end with the right answer.
        n: examples before a request at the most; 0: zero-shot.
        choose: ``fixed``: the first; ``random``: drawn once; ``nearest``: those whose requests
            share most words with the request, the nearest last.
        seed: of the draw.
    """

    examples: tuple[Conversation, ...]
    n: int
    choose: Choice = "fixed"
    seed: int = 0

    def chosen(self, asked: Conversation) -> list[Conversation]:
        """The examples for a request, in the order in which they stand before it."""
        if self.n == 0:
            return []
        same = _text(asked.prompt())
        others = [
            place
            for place in self.order
            if self._texts[place] != same and self.examples[place].origin != asked.origin
        ]
        if self.choose != "nearest":
            return [self.examples[place] for place in others[: self.n]]
        words = _words(same)
        ranked = sorted(others, key=lambda place: -_overlap(words, self._bags[place]))
        return [self.examples[place] for place in reversed(ranked[: self.n])]

    def before(
        self, asked: Conversation, fits: Callable[[Conversation], bool]
    ) -> tuple[Conversation, int]:
        """A request with its examples before it.

        Args:
            asked: ends with the request.
            fits: whether a model can hold it.

        Returns:
            The longer conversation, and how many of the chosen examples had no room. The first
            ones are left out, so the nearest stay.
        """
        chosen = self.chosen(asked)
        for n_left_out in range(len(chosen)):
            longer = _joined(chosen[n_left_out:], asked)
            if fits(longer):
                return longer, n_left_out
        return asked, len(chosen)

    @cached_property
    def order(self) -> list[int]:
        """Numbers of the examples: in file order, or as they are drawn."""
        order = list(range(len(self.examples)))
        if self.choose == "random":
            random.Random(self.seed).shuffle(order)
        return order

    @cached_property
    def _texts(self) -> list[str]:
        return [_text(example.prompt()) for example in self.examples]

    @cached_property
    def _bags(self) -> list[frozenset[str]]:
        return [_words(text) for text in self._texts]


def _joined(shots: Sequence[Conversation], asked: Conversation) -> Conversation:
    """One conversation: the request's system text, the examples' turns, the request's turns."""
    n_system = sum(message.role == "system" for message in asked.messages[:1])
    turns = [m for shot in shots for m in shot.messages if m.role != "system"]
    messages: tuple[Message, ...] = (
        *asked.messages[:n_system],
        *turns,
        *asked.messages[n_system:],
    )
    return replace(asked, messages=messages)


def _text(asked: Conversation) -> str:
    return "\n".join(m.text for m in asked.messages if m.role != "system")


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower()))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's index of two sets of words."""
    return len(one & other) / max(1, len(one | other))
