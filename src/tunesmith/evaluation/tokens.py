"""Tokens: what of a text is compared: words, stems, characters, or words of Chinese."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Literal

from tunesmith.core.extras import require

Tokens = Callable[[str], list[str]]
Units = Literal["auto", "words", "stems", "characters", "jieba"]
"""``words``: lower-case runs of a-z and 0-9. ``stems``: these without their endings.
``characters``: those of scripts that put no white space between words, as of Chinese, Japanese,
Korean and Thai, one by one; other words as wholes, of any script. ``jieba``: words of Chinese as
jieba divides them. ``auto``: words, but characters where these would lose most of the references'
letters."""

NOT_A_WORD = re.compile(r"[^a-z0-9]+")
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer: between their words, too, there is no white space."""
JOINERS = "\u200c\u200d"
"""What holds letters of one word apart or together, in Persian and Hindi."""
ONE_CHARACTER = re.compile(rf"[{CJK}]")
LONGEST_UNSTEMMED = 3
MOST = 0.5
"""Share of letters."""


def tokens_of(units: Units, texts: Iterable[str]) -> tuple[Tokens, Units]:
    """What divides texts, and the units that it divides them into.

    Args:
        units: as a recipe says.
        texts: what ``auto`` decides by.

    Raises:
        MissingExtraError: the library that knows these units is not installed.
    """
    if units == "auto":
        units = "characters" if lost_fraction(texts) > MOST else "words"
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


def lost_fraction(texts: Iterable[str]) -> float:
    """The share of letters that are none of a to z, which ``words`` and ``stems`` do not see."""
    n_lost = n_letters = 0
    for text in texts:
        letters = [letter for letter in text.lower() if letter.isalpha()]
        n_letters += len(letters)
        n_lost += sum(not letter.isascii() for letter in letters)
    return n_lost / n_letters if n_letters else 0.0


def words(text: str) -> list[str]:
    """Lower-case runs of a-z and 0-9."""
    return [word for word in NOT_A_WORD.split(text.lower()) if word]


def characters(text: str) -> list[str]:
    """Characters where no white space divides words, and other words, in lower case.

    Marks belong to the letter before them: they are vowels in Hindi and Thai, accents elsewhere.
    """
    return _character_or_word().findall(text.lower())


@cache
def _character_or_word() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] == "M")
    marks = f"[{marks}{JOINERS}]"
    return re.compile(
        rf"[{CJK}]{marks}*|(?=\w)[{UNSPACED}]{marks}*|(?:[^\W_{CJK}{UNSPACED}]{marks}*)+"
    )


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
