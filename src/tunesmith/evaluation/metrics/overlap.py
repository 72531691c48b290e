"""Rouge: words and runs of words that an answer shares with its reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Parts, Scores
from tunesmith.evaluation.rouge import ROUGE, best_rouge, skip_bigram_f1
from tunesmith.evaluation.statistics.sample import ratio
from tunesmith.evaluation.tokens import Units, lost_fraction, mostly_characters, tokens_of

TOLD = {
    "jieba": "ROUGE compares words of Chinese as jieba divides them.",
    "stems": "ROUGE compares words without their endings.",
}
CHARACTERS = "ROUGE compares Chinese, Japanese and Korean character by character."
ANY_SCRIPT = (
    "ROUGE compares whole words of any script, and characters where no white space divides words: "
    "its own rules know the letters a to z and digits alone, and would lose most letters here."
)
WORTH_TELLING = 0.1
"""Share of letters that are lost; accents of German and French are less."""


class Rouge(Metric):
    """ROUGE F1 in [0, 1] against the best reference of each kind (Lin 2004), and the length."""

    name: Literal["rouge"] = "rouge"
    units: Units = "auto"
    """What is compared of a text; ``stems`` and ``jieba`` need ``tunesmith[metrics]``."""
    gives: ClassVar[tuple[str, ...]] = ("rougeL", "rouge1", "rouge2", "rougeLsum", "mean_words")
    headings: ClassVar[Mapping[str, str]] = {
        "rouge1": "ROUGE-1",
        "rouge2": "ROUGE-2",
        "rougeL": "ROUGE-L",
        "rougeLsum": "ROUGE-Lsum",
    }
    about: ClassVar[str] = (
        "ROUGE compares the words of an answer with those of the reference answer: 0 means no "
        "words in common, 1 the same words in the same order. Higher is better."
    )
    details: ClassVar[str] = (
        "ROUGE-1 counts single words, ROUGE-2 pairs of neighbours, ROUGE-L the longest series of "
        "words that both texts have in the same order, ROUGE-Lsum the same, sentence by sentence."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Means over all answers; ``mean_words`` is their length, good or bad."""
        texts, accepted = _texts(answers, references)
        right = [one for some in accepted for one in some]
        tokens, units = tokens_of(self.units, right)
        rows = [best_rouge(text, some, tokens) for text, some in zip(texts, accepted, strict=True)]
        values = {kind: sum(row[kind] for row in rows) / len(rows) for kind in ROUGE}
        lengths = np.array([[len(tokens(text)), 1] for text in texts], np.float64)
        values["mean_words"] = float(lengths[:, 0].mean())
        return Scores(values, rows, {"mean_words": Parts(lengths, ratio)}, _told(units, right))


class RougeSkip(Metric):
    """ROUGE-S and ROUGE-SU in [0, 1]: pairs of words in the same order (Lin 2004, section 5)."""

    name: Literal["rouge-skip"] = "rouge-skip"
    units: Units = "auto"
    """What is compared of a text; ``stems`` and ``jieba`` need ``tunesmith[metrics]``."""
    gap: int | None = Field(default=4, ge=0)
    """The most words between the two of a pair, as in ROUGE-S4; None: any number."""
    gives: ClassVar[tuple[str, ...]] = ("rougeS", "rougeSU")
    headings: ClassVar[Mapping[str, str]] = {"rougeS": "ROUGE-S", "rougeSU": "ROUGE-SU"}
    details: ClassVar[str] = (
        "ROUGE-S counts pairs of words that stand in the same order, with few others between them; "
        "ROUGE-SU counts single words beside the pairs."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Means over all answers, each against the reference that gives the best score."""
        texts, accepted = _texts(answers, references)
        right = [one for some in accepted for one in some]
        tokens, units = tokens_of(self.units, right)
        rows = [
            self._best(tokens(text), [tokens(one) for one in some])
            for text, some in zip(texts, accepted, strict=True)
        ]
        values = {name: sum(row[name] for row in rows) / len(rows) for name in self.gives}
        return Scores(values, rows, {}, _told(units, right))

    def _best(self, said: list[str], accepted: Sequence[list[str]]) -> dict[str, float]:
        return {
            name: max(skip_bigram_f1(said, one, self.gap, unigrams=unigrams) for one in accepted)
            for name, unigrams in (("rougeS", False), ("rougeSU", True))
        }


def _texts(
    answers: Sequence[Answer], references: Sequence[Sequence[Answer]]
) -> tuple[list[str], list[list[str]]]:
    texts = ["" if answer is None else str(answer) for answer in answers]
    return texts, [[str(one) for one in some] for some in references]


def _told(units: Units, right: Sequence[str]) -> tuple[str, ...]:
    """How texts were divided, and what that loses."""
    if units in TOLD:
        told = TOLD[units]
    elif units == "characters":
        told = CHARACTERS if mostly_characters(right) else ANY_SCRIPT
    else:
        told = ""
    notes = [told] if told else []
    if units in ("words", "stems") and (lost := lost_fraction(right)) >= WORTH_TELLING:
        notes.append(
            f"ROUGE's own rules know the letters a to z and digits alone: {lost:.0%} of the "
            "letters of the right answers are lost. Whole words of any script are compared with "
            "units=characters."
        )
    return tuple(notes)
