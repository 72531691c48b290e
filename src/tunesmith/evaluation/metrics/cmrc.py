"""Cmrc: exact match and overlap of short answers, Chinese ones character by character."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Scores
from tunesmith.evaluation.metrics.squad import means

MARKS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
"""What CMRC's script leaves out; other punctuation stays."""
TOKEN = re.compile(r"[一-龥]|[^一-龥\s]+")
"""A Chinese character, or a run of others up to the next white space."""


class Cmrc(Metric):
    """F1 and exact match in [0, 1] as for CMRC 2018 (Cui et al. 2019, arXiv:1810.07366).

    Chinese characters are tokens of their own, and F1 is taken over the longest stretch of tokens
    that answer and reference share. Unlike CMRC's script, which has NLTK take other words apart,
    words in other scripts are divided at white space and Chinese characters alone.
    """

    name: Literal["cmrc"] = "cmrc"
    gives: ClassVar[tuple[str, ...]] = ("character_f1", "character_exact_match")
    headings: ClassVar[Mapping[str, str]] = {
        "character_f1": "Character F1",
        "character_exact_match": "Character exact match",
    }
    details: ClassVar[str] = (
        "Character scores compare Chinese character by character, and other words as wholes."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Means over all answers, each against the reference that suits it best."""
        rows = [
            _best(answer, [bare(str(one)) for one in accepted])
            for answer, accepted in zip(answers, references, strict=True)
        ]
        return Scores(means(rows), rows)


def _best(answer: Answer, accepted: Sequence[str]) -> dict[str, float]:
    if answer is None:
        return {"character_f1": 0.0, "character_exact_match": 0.0}
    said = bare(str(answer))
    tokens = TOKEN.findall(said)
    return {
        "character_f1": max(shared_f1(tokens, TOKEN.findall(one)) for one in accepted),
        "character_exact_match": float(said in accepted),
    }


def bare(text: str) -> str:
    """A text in lower case without marks; white space inside it stays."""
    return "".join(c for c in text.lower().strip() if c not in MARKS)


def shared_f1(said: list[str], reference: list[str]) -> float:
    """F1 over the longest stretch that both have; of two empty ones 1."""
    if not said or not reference:
        return float(said == reference)
    longest = 0
    lengths = [0] * (len(reference) + 1)  # of the shared stretch that ends at each place
    for token in said:
        before = 0
        for place, other in enumerate(reference, 1):
            here = lengths[place]
            lengths[place] = before + 1 if token == other else 0
            before = here
            longest = max(longest, lengths[place])
    return 2 * longest / (len(said) + len(reference))
