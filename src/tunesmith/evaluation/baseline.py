"""Baseline: the best that an answer can do that never looks at its request."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import cast

from tunesmith.core.answers import Answer
from tunesmith.evaluation.rouge import lcs_length
from tunesmith.evaluation.tokens import words

N_CANDIDATES, N_JUDGES = 200, 200


def best_constant(answers: Sequence[Answer], *, is_text: bool, seed: int = 0) -> Answer:
    """The one answer for everything that does best on the training rows.

    Args:
        answers: of the training rows, at least one.
        is_text: whether they are running text, and alike by their words rather than equal.
        seed: of samples of running text.

    Returns:
        The mean of numbers, the commonest of classes or sets of classes, the closest text.
    """
    if is_text:
        return constant_answer(cast("Sequence[str]", answers), seed=seed)
    if all(isinstance(answer, float) for answer in answers):
        return statistics.fmean(cast("Sequence[float]", answers))
    return Counter(answers).most_common(1)[0][0]


def constant_answer(references: Sequence[str], *, seed: int = 0) -> str:
    """The training answer that is closest to all the others by ROUGE-L.

    Args:
        references: answers of the training rows; a seeded sample of 200 is tried against another.
        seed: of the samples.
    """
    generator = random.Random(seed)
    candidates = generator.sample(list(references), min(N_CANDIDATES, len(references)))
    judges = [
        words(text) for text in generator.sample(list(references), min(N_JUDGES, len(references)))
    ]

    def closeness(text: str) -> float:
        said = words(text)
        return sum(2 * lcs_length(said, judge) / max(1, len(said) + len(judge)) for judge in judges)

    return max(candidates, key=closeness)
