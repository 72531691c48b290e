"""Masks: personal data as ``<email-1>``; in one conversation the same value is always the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tunesmith.synthesize.dialogues.numbers import find_numbers
from tunesmith.synthesize.dialogues.people import People

KINDS = ("email", "phone", "card", "account", "number", "address", "name")
PLACEHOLDER = re.compile(rf"<(?P<kind>{'|'.join(KINDS)})-(?P<number>\d{{1,6}})>")
OURS = re.compile(rf"{PLACEHOLDER.pattern}|<(?:link|agent|customer)>")


class Masks:
    """The placeholders of one conversation.

    Args:
        texts: of the whole conversation; placeholders that they hold already keep their numbers.
        people: whose names are masked too.
    """

    def __init__(self, texts: Sequence[str], people: People) -> None:
        self.n_masked: Counter[str] = Counter()
        """Places by kind."""
        self._last: Counter[str] = Counter()
        self._known: dict[tuple[str, str], str] = {}
        self._people = people
        for text in texts:
            for match in PLACEHOLDER.finditer(text):
                kind = match["kind"]
                self._last[kind] = max(self._last[kind], int(match["number"]))

    def masked(self, text: str) -> str:
        """A text with placeholders; masking it once more changes nothing."""
        text = self._replaced(text, ((f.start, f.end, f.kind, f.key) for f in find_numbers(text)))
        names = ((start, end, "name", key) for start, end, key in self._people.find(text))
        return self._replaced(text, names)

    def _replaced(self, text: str, found: Iterable[tuple[int, int, str, str]]) -> str:
        ours = [match.span() for match in OURS.finditer(text)] if "<" in text else []
        parts: list[str] = []
        done = 0
        for start, end, kind, key in found:
            if any(start < stop and begin < end for begin, stop in ours):
                continue
            parts += [text[done:start], self._placeholder(kind, key)]
            self.n_masked[kind] += 1
            done = end
        return "".join([*parts, text[done:]])

    def _placeholder(self, kind: str, key: str) -> str:
        # A number is the same whether it is told to be a phone's or not.
        family = "number" if kind in ("phone", "card", "account", "number") else kind
        known = self._known.get((family, key))
        if known is None:
            self._last[kind] += 1
            known = self._known[family, key] = f"<{kind}-{self._last[kind]}>"
        return known
