"""Endings: signatures without a mark, told by being repeated: ``... on board. PA``, ``Aisha``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tunesmith.synthesize.dialogues.marks import NO_NAMES

ENDING = re.compile(
    r"(?:(?<=[.!?…])|(?<=\w)(?=\s+[A-Z]{2}\s*(?:<link>)?$))\s+"
    r"(?P<name>[A-Z]{2}|[A-Z][a-zà-ÿ]{2,14})\.?\s*(?P<behind>(?:<link>\s*)?)$"
)
LEAST = 2
"""Messages of one conversation that end so."""
NO_INITIALS = frozenset("AM PM TV PC UK US EU DM ID OK HD UI IT AC DC GB MB KM KG".split())


def without_endings(texts: Sequence[str]) -> list[str]:
    """An agent's messages without the name or the initials that end several of them."""
    found = [ENDING.search(text) for text in texts]
    counts = Counter(match["name"] for match in found if match)
    cleaned: list[str] = []
    for text, match in zip(texts, found, strict=True):
        if match and counts[match["name"]] >= LEAST and _is_name(match["name"]):
            text = f"{text[: match.start()].rstrip()} {match['behind'].strip()}".strip()
        cleaned.append(text)
    return cleaned


def _is_name(word: str) -> bool:
    return word not in NO_INITIALS and word.lower() not in NO_NAMES
