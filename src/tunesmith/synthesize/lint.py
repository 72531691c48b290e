"""Lint: what is wrong with a question and its answer, by their own words alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunesmith.checks.languages import SCRIPTS, UNKNOWN, WORDS, language_of
from tunesmith.checks.languages import WORD as LETTERS
from tunesmith.synthesize.grounding.fold import fold
from tunesmith.synthesize.personal import personal_data
from tunesmith.synthesize.phrases import (
    CONTEXT_BOUND,
    EXPLETIVE,
    PLACEHOLDERS,
    POINTING,
    POINTING_HAN,
    QUESTION_WORDS,
    REFUSALS,
    REQUESTS,
    SOURCE_MENTIONS,
    STATEMENT,
    TRANSLATES,
)

CODES = {
    "empty-question": "nothing is asked",
    "empty-answer": "nothing is answered",
    "echo": "the answer says the question again",
    "source-mention": "speaks of the text it was made from",
    "context-bound": "asks about something that only its text names",
    "no-question": "asks for nothing",
    "refusal": "declines instead of answering",
    "placeholder": "holds a gap to be filled",
    "link": "holds a link",
    "personal-data": "holds what looks like personal data",
    "question-language": "the question is in another language than wanted",
    "answer-language": "the answer is in another language",
    "cut": "ends in the middle of a sentence",
    "unbalanced": "opens what it does not close",
}
"""Every code with its words; a reason is ``code: words``, and a detail where one helps."""
NO_QUESTION_NEEDED = frozenset(
    {"summary", "label", "labels", "instruction", "text", "classification"}
)
MAY_DECLINE = frozenset({"unanswerable"})
MAY_POINT = frozenset({"multi-turn", "dialogue", "summary", "label", "labels", "classification"})
MAY_END_ANYWHERE = frozenset(
    {"span", "span-qa", "label", "labels", "classification", "text", "extractive"}
)
LINK = re.compile(r"https?://|\bwww\.\w|\]\([^)\s]+\)|\bftp://", re.I)
SENTENCE_END = re.compile(r"[.!?。！？…؟۔।:：;；)\]}）】」』》”\"'’`*|>%]\s*$")
HANGING = re.compile(
    r"(?:[,，、;；:：\-–—(（\[“「《]|\b(?:and|or|the|a|an|of|to|in|for|with|which|that|because"
    r"|such as|including|y|de|la|el|que)"
    r"|和|与|及|或|以及|因为|但是|例如|包括|，并)\s*$",
    re.I,
)
LIST_LINE = re.compile(r"(?:^|\n)\s*(?:[-*•]|\d+[.)、]|\|)[^\n]*$")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
LIST_MARK = re.compile(
    r"(?:^|[\s:：,，;；。.])(?:[a-zA-Z]|[ivx]{1,4}|\d{1,2}|[一二三四五六七八九十]{1,2})$"
)
NO_MARKS = re.compile(r"[:;]-?[()]|[\[(]\s*-?[\w.∞]+\s*,\s*[-+]?[\w.∞]+\s*[\])]|\d\s?[\"”']")
"""Faces, half-open intervals, inches."""
CODE_LINE = re.compile(
    r"(?:^|\n)(?:\s{2,}|\t|#!|def |class |import |return\b|SELECT )[^\n]*$|[;{}]\s*$"
)
PAIRS = ("()", "[]", "{}", "【】", "《》", "「」", "『』")
NARROW = str.maketrans("（）［］｛｝“”„＂", "()[]{}" + 4 * '"')
"""Those who write open with one kind and close with another."""
LONG, LONG_HAN = 120, 50
"""Characters from which an answer is taken for a sentence that has an end."""
LEAST_WORDS = 6
LEAST_OWN = 4
"""Letters of a wanted script beside which names in another are only quoted."""


def lint(question: str, answer: str, *, language: str | None = None, style: str = "") -> list[str]:
    """What is wrong with a pair.

    Args:
        question: as it will stand in the dataset.
        answer: to it.
        language: wanted, as two letters; None: the answer has the question's.
        style: its style, or the kind it was asked for. ``unanswerable`` may decline,
            ``summary``, ``labels`` and ``instruction`` need not ask, ``dialogue`` may point back,
            ``span-qa`` and ``labels`` may end anywhere; any other is held to everything.

    Returns:
        Reasons, each ``code: words`` with a code of :data:`CODES`; empty where nothing is wrong.
    """
    return [
        f"{code}: {CODES[code]}{f' ({detail})' if detail else ''}"
        for code, detail in dict(_found(question, answer, language, style)).items()
    ]


def _found(
    question: str, answer: str, language: str | None, style: str
) -> Iterator[tuple[str, str]]:
    if not fold(question).text:
        yield "empty-question", ""
    if not fold(answer).text:
        yield "empty-answer", ""
        return
    if style not in MAY_END_ANYWHERE and _is_echo(question, answer):
        yield "echo", ""
    yield from _said(answer, style)
    yield from _asked(question, style)
    for text in (question, answer):
        found = PLACEHOLDERS.search(CODE.sub(" ", text))
        if found and not (text == question and found[0].startswith("_")):  # a blank to be filled
            yield "placeholder", _shown(found)
        if found := LINK.search(text):
            yield "link", ""
        if kind := personal_data(text):
            yield "personal-data", kind
    yield from _languages(question, answer, language)
    if style not in MAY_END_ANYWHERE and _is_cut(answer):
        yield "cut", ""
    for text in (question, answer):
        if mark := _unbalanced(text):
            yield "unbalanced", mark


def _said(answer: str, style: str) -> Iterator[tuple[str, str]]:
    if style in MAY_DECLINE:
        return
    if found := SOURCE_MENTIONS.search(answer):
        yield "source-mention", _shown(found)
    if found := REFUSALS.search(answer):
        yield "refusal", _shown(found)


def _asked(question: str, style: str) -> Iterator[tuple[str, str]]:
    text = question.strip()
    if not text:
        return
    if style not in MAY_POINT:
        if found := CONTEXT_BOUND.search(text) or SOURCE_MENTIONS.search(text):
            yield "context-bound", _shown(found)
        elif POINTING_HAN.search(text) or (POINTING.search(text) and not EXPLETIVE.search(text)):
            yield "context-bound", "a pronoun without what it stands for"
    if style in NO_QUESTION_NEEDED or re.search(r"[?？]", text):
        return
    if language_of(text) not in {"en", "zh", "es", "ko", UNKNOWN}:
        return
    if QUESTION_WORDS.search(text) or REQUESTS.search(text):
        return
    if not text.isascii() or STATEMENT.search(text):
        yield "no-question", ""


def _is_echo(question: str, answer: str) -> bool:
    asked, told = fold(question).text, fold(answer).text
    if asked == told or (len(asked) > 12 and told.endswith(asked)):
        return True
    words = set(LETTERS.findall(question.lower()))
    said = LETTERS.findall(answer.lower())
    if set(re.findall(r"\d+", answer)) - set(re.findall(r"\d+", question)):
        return False
    is_spaced = len(said) > 3
    # An answer that chooses one of two things said in the question is shorter than it.
    return is_spaced and set(said) <= words and len(set(said)) >= 0.8 * len(words)


def _languages(question: str, answer: str, wanted: str | None) -> Iterator[tuple[str, str]]:
    asked = language_of(question)
    wanted = (wanted or "").lower()[:2] if wanted != "same" else ""
    if wanted and asked != UNKNOWN and _is_other(question, asked, wanted):
        yield "question-language", f"{asked}, not {wanted}"
    told = language_of(answer)
    if TRANSLATES.search(question):
        return
    if (
        not wanted
        and asked in WORDS
        and told in WORDS
        and len(LETTERS.findall(question)) < LEAST_WORDS
    ):
        return  # too few words to tell Spanish from French
    wanted = wanted or asked
    if UNKNOWN not in {wanted, told} and _is_other(answer, told, wanted):
        yield "answer-language", f"{told}, not {wanted}"


def _is_other(text: str, found: str, wanted: str) -> bool:
    """Whether a text is surely in another language than wanted: kin share their small words."""
    if found == wanted:
        return False
    if found not in WORDS:
        return True  # told by its script
    words = LETTERS.findall(text.lower())
    if wanted not in WORDS:
        n_own = len(SCRIPTS[wanted].findall(text)) if wanted in SCRIPTS else 0
        return len(words) >= LEAST_WORDS and n_own < LEAST_OWN  # more than a name
    n_found, n_wanted = (sum(word in WORDS[name] for word in words) for name in (found, wanted))
    return len(words) >= LEAST_WORDS and n_found >= 2 * n_wanted + 2


def _is_cut(answer: str) -> bool:
    text = answer.rstrip()
    if text.count("```") % 2:
        return False  # told as unbalanced
    is_han = bool(re.search(r"[\u3040-\u30ff\u3400-\u9fff]", text[-10:]))
    if HANGING.search(text) and len(text) >= (10 if is_han else 20):
        return True
    is_long = len(text) >= (LONG_HAN if is_han else LONG)
    may_end = SENTENCE_END.search(text) or LIST_LINE.search(text) or CODE_LINE.search(text)
    return is_long and not may_end


def _unbalanced(text: str) -> str:
    if text.count("```") % 2:
        return "```"
    bare = NO_MARKS.sub(" ", CODE.sub(" ", text)).translate(NARROW)
    for opening, closing in PAIRS:
        n_open = 0
        for place, char in enumerate(bare):
            if char == opening:
                n_open += 1
            elif char == closing:
                n_open -= 1
                if n_open < 0:
                    if not LIST_MARK.search(bare[max(0, place - 5) : place]):
                        return opening + closing
                    n_open = 0
        if n_open:
            return opening + closing
    return '"' if bare.count('"') % 2 else ""


def _shown(found: re.Match[str]) -> str:
    text = " ".join(found[0].split())
    return text if len(text) <= 40 else text[:37] + "..."
