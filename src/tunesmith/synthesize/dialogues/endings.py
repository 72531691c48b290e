"""Endings: signatures without a mark, told by their number: ``... on board. PA``, ``Aisha``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tunesmith.synthesize.dialogues.marks import LONGEST_ENDING, NO_NAMES

BEHIND = r"\.?\s*(?P<behind>(?:<link>\s*)*)$"
ENDINGS = (
    re.compile(r"(?<=[.!?…>])\s+(?P<name>[A-Z][a-zà-ÿ]{2,14})" + BEHIND),
    re.compile(r"(?:(?<=[.!?…>])|(?<=[a-z)]))\s+(?P<name>[A-Z]{2,3})" + BEHIND),
    re.compile(r"(?<=[.!?…])\s+(?P<name>[A-Z]|[a-z]{2})" + BEHIND),
)
LEAST = 2
"""Messages of one conversation that end in the same way, by one name or by several."""
NO_INITIALS = frozenset(
    "am pm tv pc uk us eu dm id hd ui it ac dc gb mb km kg a i asap faq pin sms gps usb app ios "
    "me my we he be so do go at in on to up by an as if is or of lol omg wtf smh plz pls thx ty "
    "u x bye usa gmt est pst cst gst vat sim url api pdf csv xml dns vpn".split()
)


def without_endings(texts: Sequence[str]) -> list[str]:
    """An agent's messages without the name or the initials that end several of them."""
    kept = list(texts)
    for pattern in ENDINGS:
        found = [pattern.search(text, max(0, len(text) - LONGEST_ENDING)) for text in kept]
        named = [match if match and _is_name(match["name"]) else None for match in found]
        if sum(match is not None for match in named) < LEAST:
            continue
        for place, match in enumerate(named):
            if match:
                rest = f"{match.string[: match.start()].rstrip()} {match['behind'].strip()}"
                kept[place] = rest.strip()
    return kept


def _is_name(word: str) -> bool:
    return word.lower() not in NO_INITIALS and word.lower() not in NO_NAMES
