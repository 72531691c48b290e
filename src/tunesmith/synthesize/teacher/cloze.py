"""Cloze: questions made of a text by rule, with its own words as answers. No language model.

A figure or a name of a sentence is left out; the question is what stands in the gap, the answer is
what was left out, and the evidence is the sentence. So everything in the result is true to its
source.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tunesmith.synthesize.sentences import sentences

HAN, HANGUL = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[\uac00-\ud7a3]")
SPANISH = re.compile(r"[ñ¿¡]|\b(?:los|las|del|una|por|con|para)\b", re.IGNORECASE)
FIGURE = re.compile(
    r"(?<![\w.])\d+(?:[.,:]\d+)*(?:\s?%)?(?![\w])|(?<![a-zA-Z\d.,])\d+(?:[.,]\d+)*(?=[\u4e00-\u9fff\uac00-\ud7a3])"
)
NAME = re.compile(r"(?<=\w )[A-Z][a-z]+(?: [A-Z][a-z]+)*(?!\w)")
QUOTED = re.compile(r"(?<=[“「『《])[^”」』》]{2,20}(?=[”」』》])")
WORD = re.compile(
    r"(?<![\w])[a-zA-Z]{6,}(?![\w])|[\u4e00-\u9fff]{2,4}(?=[。，；、])"
    r"|(?<![\w])[\uac00-\ud7a3]{4,}(?![\w])"
)
ABOVE = re.compile(r"\n| > ")
"""A line end, and what stands between the headings that a passage is shown under."""
GAP = "____"
SHORTEST, LONGEST = 12, 400
"""Characters of a sentence that a question is made of."""
QUESTIONS = {
    "en": "What stands in the gap? {}",
    "es": "¿Qué falta en el hueco? {}",
    "ko": "다음 문장의 빈칸에 들어갈 말은 무엇입니까? {}",
    "zh": "下面这句话的空格里应填什么？{}",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """A question, its answer, and the sentence of the passage that holds it."""

    question: str
    answer: str
    evidence: str


def questions_on(passage: str, n: int, seed: int = 0) -> list[Extracted]:
    """Questions on a passage, at most one of a sentence; fewer where it holds fewer.

    Args:
        passage: the text, in English, Spanish, Chinese, Korean or a language like these.
        n: how many at most.
        seed: which sentences are taken where there are more.
    """
    made = [one for sentence in statements(passage) if (one := _on(sentence))]
    times = Counter(one.question for one in made)  # asked twice, it has two answers
    found = [one for one in made if times[one.question] == 1]
    if len(found) <= n:
        return found
    chosen = sorted(random.Random(f"{seed}\n{passage}").sample(range(len(found)), n))
    return [found[i] for i in chosen]


def statements(passage: str) -> Iterator[str]:
    """Sentences that are no questions, neither short nor long, and each on one line."""
    for start, end in sentences(passage):
        sentence = passage[start:end].strip()
        above, _, line = sentence.rpartition("\n")
        # A heading has no full stop, so it is taken for the beginning of what it stands above.
        if above and (line[:1].isupper() or HAN.match(line) or HANGUL.match(line)):
            sentence = line.strip()
        is_fit = SHORTEST <= len(sentence) <= LONGEST and not ABOVE.search(sentence)
        if is_fit and not sentence.endswith(("?", "？")):
            yield sentence


def otherwise(extracted: Extracted, passage: str) -> str | None:
    """What could stand in the gap and does not: another word of the passage, or another figure."""
    kind = _kind_of(extracted.answer, extracted.evidence)
    if kind is None:
        return None
    sentence = extracted.evidence.casefold()
    others = (m[0] for m in kind.finditer(passage) if m[0].casefold() not in sentence)
    known = next(others, None)
    if known is not None or kind is not FIGURE:
        return known
    changed = re.sub(r"\d", lambda digit: str(int(digit[0]) % 9 + 1), extracted.answer)
    return None if changed in sentence else changed


def language_of(text: str) -> str:
    """Which of the languages here it is in, roughly."""
    if HANGUL.search(text):
        return "ko"
    if HAN.search(text):
        return "zh"
    return "es" if SPANISH.search(text) else "en"


def _on(sentence: str) -> Extracted | None:
    found = _gap(sentence)
    if found is None or sentence.count(found[0]) != 1:  # else the gap would be no gap
        return None
    gapped = sentence[: found.start()] + GAP + sentence[found.end() :]
    return Extracted(QUESTIONS[language_of(sentence)].format(gapped), found[0], sentence)


def _gap(sentence: str) -> re.Match[str] | None:
    return next((m for kind in (FIGURE, QUOTED, NAME, WORD) if (m := kind.search(sentence))), None)


def _kind_of(answer: str, sentence: str) -> re.Pattern[str] | None:
    found = _gap(sentence)
    return found.re if found is not None and found[0] == answer else None
