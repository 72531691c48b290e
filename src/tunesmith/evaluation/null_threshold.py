"""Null threshold: how much better "no answer" must be than the best answer, to be given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.squad import Squad
from tunesmith.evaluation.roads import Answered

SURELY = 1e9
"""The margin where one of the two has no probability at all."""


def threshold_scores(
    answered: Sequence[Answered], references: Sequence[Sequence[Answer]]
) -> dict[str, float]:
    """The threshold that would be best for answers of a head, and the F1 it would give.

    Args:
        answered: each weighed with "no answer" among the answers.
        references: accepted answers of each.

    Returns:
        ``best_null_threshold`` and ``best_f1``.
    """
    best = [next((text for text, _ in one.weighed if text), "") for one in answered]
    margins = [_margin(dict(one.weighed), text) for one, text in zip(answered, best, strict=True)]
    some, none = (
        [row["f1"] for row in Squad().score(said, references).rows]
        for said in (best, [""] * len(best))
    )
    threshold, score = best_null_threshold(margins, some, none)
    return {"best_null_threshold": threshold, "best_f1": score}


def _margin(weighed: dict[str, float], text: str) -> float:
    """Score of "no answer" minus that of an answer: what their probabilities' ratio tells."""
    none, some = weighed.get("", 0.0), weighed.get(text, 0.0) if text else 0.0
    if none > 0 and some > 0:
        return math.log(none) - math.log(some)
    return SURELY if none > 0 else -SURELY


def best_null_threshold(
    margins: Sequence[float], answered: Sequence[float], unanswered: Sequence[float]
) -> tuple[float, float]:
    """The threshold with the best mean score, as SQuAD 2.0's script looks for it.

    Args:
        margins: N; score of "no answer" minus that of the best answer.
        answered: N; what the best answer scores.
        unanswered: N; what "no answer" scores.

    Returns:
        The threshold, "no answer" being given where the margin is larger; halfway between two
        margins, and of equally good ones the nearest to 0. And the mean score it gives.
    """
    sizes = np.asarray(margins, np.float64)
    order = np.argsort(sizes, kind="stable")
    known = sizes[order]
    gains = (np.asarray(answered, np.float64) - np.asarray(unanswered, np.float64))[order]
    # totals[k]: the k questions with the smallest margins are answered
    totals = np.concatenate([[0.0], np.cumsum(gains)]) + float(np.sum(unanswered))
    between = np.concatenate([[known[0] - 1], (known[1:] + known[:-1]) / 2, [known[-1] + 1]])
    parts = np.concatenate([[True], known[1:] > known[:-1], [True]])  # equal margins stay together
    rounded = np.round(np.where(parts, totals, -np.inf), 9)
    best = np.flatnonzero(rounded == rounded.max())
    chosen = best[np.argmin(np.abs(between[best]))]
    return float(between[chosen]), float(totals[chosen] / len(sizes))
