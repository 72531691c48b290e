"""Cleaning of support dialogues, as the summarisation tutorials do it, plus HTML entities."""

from __future__ import annotations

import html
import re

LINK = re.compile(r"https?://\S+|<LINK>")
MENTION = re.compile(r"@\S+")
SIGNATURE = re.compile(r"\^\S+")
SPACE = re.compile(r"\s+")


def clean_turn(text: str) -> str:
    """Takes links, mentions, ``^XX`` signatures, entities and runs of white space out of a turn.

    ``"@135060 Thank you &amp; bye! ^JK https://t.co/x"`` gives ``"Thank you & bye!"``.
    """
    text = html.unescape(text)
    for pattern in (LINK, MENTION, SIGNATURE):
        text = pattern.sub("", text)
    return SPACE.sub(" ", text).strip()
