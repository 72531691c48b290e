"""Chrf: runs of up to six characters that answers share with their references; for any script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Parts, Scores

ORDERS = 6
BETA = 2.0
"""Recall counts that many times as much as precision."""


class Chrf(Metric):
    """chrF2 in [0, 1], where sacrebleu prints 0 to 100 (Popović 2015, W15-3049).

    White space does not count. Needs no words, so that it suits Chinese and misspelt texts alike.
    """

    name: Literal["chrf"] = "chrf"
    gives: ClassVar[tuple[str, ...]] = ("chrf",)
    headings: ClassVar[Mapping[str, str]] = {"chrf": "chrF"}
    about: ClassVar[str] = (
        "chrF weighs the runs of one to six characters that answers and references share, with "
        "more weight on what was missed. Higher is better."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Of all answers, each beside the reference that suits it best; its own beside it."""
        sums = np.zeros((len(answers), 3 * ORDERS))
        for place, (answer, accepted) in enumerate(zip(answers, references, strict=True)):
            said = _runs("" if answer is None else str(answer))
            counted = np.array([_counts(said, _runs(str(one))) for one in accepted])
            sums[place] = counted[int(chrf(counted).argmax())]
        rows = [{"chrf": float(value)} for value in chrf(sums)]
        return Scores({"chrf": float(chrf(sums.sum(0)))}, rows, {"chrf": Parts(sums, chrf)})


def chrf(sums: np.ndarray) -> np.ndarray:
    """The score of counts, [..., 18] -> [...].

    Args:
        sums: for each length of run: how many the answer has, the reference has, and both share.
    """
    said, right, shared = np.moveaxis(sums.reshape(*sums.shape[:-1], ORDERS, 3), -1, 0)
    known = (said > 0) & (right > 0)
    n_known = np.maximum(1, known.sum(-1))
    precision = (shared / np.where(known, said, 1) * known).sum(-1) / n_known
    recall = (shared / np.where(known, right, 1) * known).sum(-1) / n_known
    weighed = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)


def _runs(text: str) -> list[Counter[str]]:
    """For each length the runs of characters, without white space."""
    bare = "".join(text.split())
    return [
        Counter(bare[start : start + n] for start in range(len(bare) - n + 1))
        for n in range(1, ORDERS + 1)
    ]


def _counts(said: Sequence[Counter[str]], right: Sequence[Counter[str]]) -> list[int]:
    found: list[int] = []
    for a, r in zip(said, right, strict=True):
        # Runs longer than the whole reference cannot be right or wrong.
        found += [a.total() if r else 0, r.total(), sum((a & r).values())]
    return found
