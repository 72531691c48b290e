"""Special tokens in a template's own words: told apart from the text around them."""

from __future__ import annotations

import re
from functools import lru_cache

from tunesmith.templates.template import Piece, control, text
from tunesmith.templates.tokenizer import Tokenizer


@lru_cache(maxsize=8)
def special_texts(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The texts of a tokenizer's special tokens, the longest first."""
    tokens = tokenizer.fast.get_added_tokens_decoder().values()
    return tuple(sorted((t.content for t in tokens if t.special), key=len, reverse=True))


def told_apart(words: str, tokenizer: Tokenizer) -> list[Piece]:
    """A template's own words as pieces of text and control tokens.

    Args:
        words: must hold nothing that a user wrote.
        tokenizer: says which tokens are special.
    """
    pattern = _pattern(tokenizer)
    parts = pattern.split(words) if pattern else [words]
    return [control(part) if i % 2 else text(part) for i, part in enumerate(parts) if part]


@lru_cache(maxsize=8)
def _pattern(tokenizer: Tokenizer) -> re.Pattern[str] | None:
    tokens = special_texts(tokenizer)
    return re.compile("(" + "|".join(map(re.escape, tokens)) + ")") if tokens else None
