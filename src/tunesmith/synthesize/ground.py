"""Ground: whether an answer's quote, numbers, names and units stand in its source. No model judges.

A judge that is a model lets through what sounds right; what was invented most often, and hurts
most, can be looked up: figures, dates, units, names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tunesmith.checks.languages import language_of
from tunesmith.synthesize.grounding.chinese_names import (
    chinese_missing,
    latin_words,
    quoted,
    shares_nothing,
)
from tunesmith.synthesize.grounding.figures import Figures
from tunesmith.synthesize.grounding.latin_names import LatinNames, is_code
from tunesmith.synthesize.grounding.locate import locate
from tunesmith.synthesize.grounding.quantities import plain_powers
from tunesmith.synthesize.grounding.units import unit_behind

__all__ = ["locate", "unsupported"]

HAN = re.compile("[\u3400-\u9fff]")
LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
ENGLISH_QUOTE = re.compile(r"[“\"]([^“”\"\n]{3,400})[”\"]")
WORDS = re.compile(r"\w")
NOT_WHERE_NOUNS_HAVE_CAPITALS = "de"


def unsupported(answer: str, sources: Sequence[str]) -> list[str]:
    """What an answer claims that none of its sources holds.

    Numbers count by value, in figures or words, of English or Chinese; dates by day, month and
    year; units by kind. A sum that no source states is unsupported, however right it is. Names
    are capitalised words, acronyms and codes in Latin script, and in Chinese what a pattern
    tells; names are not judged where the answer is in another script than the sources.

    Args:
        answer: what a teacher wrote.
        sources: passage, headings, context; the question is none.

    Returns:
        Reasons to read, each once: "number 42 is not in the passage". Empty where all is held.
    """
    plain = unicodedata.normalize("NFKC", plain_powers(answer))
    held = _held(tuple(sources))
    return [
        *dict.fromkeys([*held.figures.missing(plain), *_quotes(plain, held), *_names(plain, held)])
    ]


class _Held:
    """What sources hold, ready to be asked by many answers."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.texts = [unicodedata.normalize("NFKC", plain_powers(text)) for text in sources]
        self.figures = Figures(self.texts)
        self.latin = LatinNames(self.texts)
        joined = "\n".join(self.texts)
        n_han, n_latin = len(HAN.findall(joined)), len(LATIN.findall(joined))
        self.is_chinese = 3 * n_han > n_latin
        self.is_latin = 2 * n_latin > n_han


@lru_cache(maxsize=16)
def _held(sources: tuple[str, ...]) -> _Held:
    return _Held(sources)


def _quotes(answer: str, held: _Held) -> Iterator[str]:
    """Words within quotation marks are somebody's, so they stand in the source as they are."""
    told = [*quoted(answer), *(found[1] for found in ENGLISH_QUOTE.finditer(answer))]
    for words in dict.fromkeys(told):
        is_same_script = held.is_chinese if HAN.search(words) else held.is_latin
        if (
            is_same_script
            and WORDS.search(words)
            and not any(locate(words, text) for text in held.texts)
        ):
            yield f"quoted words {words!r} are not in the passage"


def _names(answer: str, held: _Held) -> Iterator[str]:
    if HAN.search(answer):
        for word in latin_words(answer):
            if not _is_unit(word) and not held.latin.holds(word) and not _is_within(word, held):
                yield f"name {word} is not in the passage"
        if held.is_chinese:
            for name in chinese_missing(answer, held.texts):
                yield f"name {name} is not in the passage"
            if shares_nothing(answer, held.texts):
                yield f"nothing of {answer.strip()!r} is in the passage"
        return
    if not held.is_latin:
        # An answer in another language; what no language translates is judged all the same.
        for word in latin_words(answer):
            if is_code(word) and not held.latin.holds(word) and not _is_within(word, held):
                yield f"name {word} is not in the passage"
        return
    language = language_of(answer)
    if language == NOT_WHERE_NOUNS_HAVE_CAPITALS:
        return
    is_english = language == "en" or (language == "unknown" and answer.isascii())
    for name in held.latin.missing(answer, is_english=is_english):
        yield f"name {name} is not in the passage"


def _is_within(word: str, held: _Held) -> bool:
    return any(locate(word, text) for text in held.texts)


def _is_unit(word: str) -> bool:
    return bool(unit_behind(word, 0)[0])
