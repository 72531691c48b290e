"""Tokens: what of a text is compared: words, stems, characters, or words of Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal

from tunesmith.core.extras import require

Tokens = Callable[[str], list[str]]
Units = Literal["auto", "words", "stems", "characters", "jieba"]
"""``words``: lower-case runs of a-z and 0-9. ``stems``: these without their endings.
``characters``: those of Chinese, Japanese and Korean alone, other words as wholes. ``jieba``: words
of Chinese as jieba divides them. ``auto``: characters where most of the references' letters are of
that kind, else words."""

NOT_A_WORD = re.compile(r"[^a-z0-9]+")
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
CHARACTER_OR_WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
ONE_CHARACTER = re.compile(rf"[{CJK}]")
LONGEST_UNSTEMMED = 3


def tokens_of(units: Units, texts: Iterable[str]) -> tuple[Tokens, Units]:
    """What divides texts, and the units that it divides them into.

    Args:
        units: as a recipe says.
        texts: what ``auto`` decides by.

    Raises:
        MissingExtraError: the library that knows these units is not installed.
    """
    if units == "auto":
        units = "characters" if mostly_characters(texts) else "words"
    if units == "stems":
        stemmer = require("nltk.stem.porter", extra="metrics", purpose="Stems")
        return _stems(stemmer.PorterStemmer()), units
    if units == "jieba":
        jieba = require("jieba", extra="metrics", purpose="Words of Chinese")
        jieba.setLogLevel("ERROR")
        return _jieba(jieba.lcut), units
    return (characters if units == "characters" else words), units


def mostly_characters(texts: Iterable[str]) -> bool:
    """Whether most letters are of Chinese, Japanese or Korean."""
    n_characters = n_letters = 0
    for text in texts:
        n_characters += len(ONE_CHARACTER.findall(text))
        n_letters += sum(letter.isalpha() for letter in text)
    return 2 * n_characters > n_letters


def words(text: str) -> list[str]:
    """Lower-case runs of a-z and 0-9."""
    return [word for word in NOT_A_WORD.split(text.lower()) if word]


def characters(text: str) -> list[str]:
    """Characters of Chinese, Japanese and Korean, and other words in lower case."""
    return CHARACTER_OR_WORD.findall(text.lower())


def _stems(stemmer: object) -> Tokens:
    stem = lru_cache(maxsize=65536)(stemmer.stem)  # type: ignore[attr-defined]

    def stems(text: str) -> list[str]:
        # Short words stay as they are, as in Google's rouge_score.
        return [stem(word) if len(word) > LONGEST_UNSTEMMED else word for word in words(text)]

    return stems


def _jieba(cut: Callable[[str], list[str]]) -> Tokens:
    def chinese_words(text: str) -> list[str]:
        return [word for word in cut(text.lower()) if any(letter.isalnum() for letter in word)]

    return chinese_words
