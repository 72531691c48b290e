"""Null threshold: how much better "no answer" must be than the best answer, to be given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
    sizes = np.nan_to_num(np.asarray(margins, np.float64), posinf=1e9, neginf=-1e9)
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
