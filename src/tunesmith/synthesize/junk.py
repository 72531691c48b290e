"""Junk: text about which nothing could be asked. Tables of contents are marked by the readers."""

from __future__ import annotations

import re

LETTERS = re.compile(r"[^\W\d_]+")
LEAST_LETTERS = 20
WIDE_LETTER = 2
"""Letters of the Latin script that one of another says as much as, roughly."""


def too_little(text: str) -> str:
    """Why a text says nothing that could be asked about; empty where it does."""
    words = LETTERS.findall(text)
    n_letters = sum(len(word) * (1 if word.isascii() else WIDE_LETTER) for word in words)
    return "" if n_letters >= LEAST_LETTERS else "hardly any text"
