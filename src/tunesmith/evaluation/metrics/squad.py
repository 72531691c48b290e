"""Squad: exact match and word overlap of short answers, by the rules of SQuAD's own scripts."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Parts, Scores
from tunesmith.evaluation.statistics.sample import ratio

ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
PUNCTUATION = str.maketrans("", "", string.punctuation)


class Squad(Metric):
    """F1 and exact match in [0, 1], where SQuAD's scripts print 0 to 100.

    Both against the best reference answer (Rajpurkar et al. 2016, arXiv:1606.05250, section 6.1;
    2018, arXiv:1806.03822). An empty answer says that there is none.
    """

    name: Literal["squad"] = "squad"
    version: Literal["1.1", "2.0"] = "2.0"
    """Whose rules. They part where nothing of an answer is left, as of "The": in 1.1 its F1 is 0,
    whatever the reference; in 2.0 it is 1 against a reference of which nothing is left either, and
    such a reference does not count beside others."""
    gives: ClassVar[tuple[str, ...]] = ("f1", "exact_match")
    headings: ClassVar[Mapping[str, str]] = {
        "f1": "F1",
        "exact_match": "Exact match",
        "has_answer_f1": "F1, has answer",
        "has_answer_exact_match": "Exact, has answer",
        "no_answer_exact_match": "Exact, no answer",
    }
    empty: ClassVar[str] = "no answer"
    about: ClassVar[str] = (
        "F1 weighs the words of an answer against those of the reference answer, without articles "
        "and punctuation; exact match is the share of answers with the very same words. Higher is "
        "better."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Means over all answers.

        Where some questions have an answer and some have none, also over each kind:
        ``has_answer_f1`` and ``has_answer_exact_match`` over those that have one, and
        ``no_answer_exact_match`` over the others.
        """
        rows = [
            best_of(answer, [str(one) for one in accepted], words, self.version)
            for answer, accepted in zip(answers, references, strict=True)
        ]
        has_answer = [any(map(str, accepted)) for accepted in references]
        values = means(rows)
        parts: dict[str, Parts] = {}
        if len(set(has_answer)) == 2:
            with_one = means([row for row, has in zip(rows, has_answer, strict=True) if has])
            without = means([row for row, has in zip(rows, has_answer, strict=True) if not has])
            values |= {f"has_answer_{name}": value for name, value in with_one.items()}
            values["no_answer_exact_match"] = without["exact_match"]
            answered = np.array(has_answer, np.float64)
            scored = {name: np.array([row[name] for row in rows]) for name in rows[0]}
            parts = {
                f"has_answer_{name}": Parts(np.stack([found * answered, answered], 1), ratio)
                for name, found in scored.items()
            }
            none = 1 - answered
            parts["no_answer_exact_match"] = Parts(
                np.stack([scored["exact_match"] * none, none], 1), ratio
            )
        return Scores(values, rows, parts)


def best_of(
    answer: Answer,
    references: Sequence[str],
    tokens: Callable[[str], list[str]],
    version: Literal["1.1", "2.0"] = "2.0",
) -> dict[str, float]:
    """Exact match and F1 of an answer, each against the reference that suits it best.

    Args:
        answer: None: it could not be read, which is wrong.
        references: at least one.
        tokens: what is compared of a text.
        version: of the rules.
    """
    if answer is None:
        return {"f1": 0.0, "exact_match": 0.0}
    said = tokens(str(answer))
    accepted = [tokens(one) for one in references]
    if version == "2.0":
        accepted = [one for one in accepted if one] or [[]]
    return {
        "f1": max(overlap_f1(said, one, version) for one in accepted),
        "exact_match": float(max(said == one for one in accepted)),
    }


def overlap_f1(said: list[str], reference: list[str], version: Literal["1.1", "2.0"]) -> float:
    """Harmonic mean of the shares of tokens that both have in common, counted as often as there."""
    if version == "2.0" and not (said and reference):
        return float(said == reference)
    n_common = sum((Counter(said) & Counter(reference)).values())
    return 2 * n_common / (len(said) + len(reference)) if n_common else 0.0


def normalised(text: str) -> str:
    """Lower case, without ASCII punctuation, articles and doubled white space, in this order."""
    bare = text.lower().translate(PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", bare).split())


def words(text: str) -> list[str]:
    """The words that are left of a text."""
    return normalised(text).split()


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every score."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
