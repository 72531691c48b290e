"""Scores: many answers against their references -> means, and one row for each."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.evaluation.rouge import ROUGE, best_rouge, words


def score_answers(
    answers: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Scores each answer against the best of its references.

    Args:
        answers: N texts.
        references: N lists of at least one text.

    Returns:
        Means over all answers (ROUGE F1 in [0, 1], and ``mean_words``), and the ROUGE of each.
    """
    rows = [best_rouge(a, r) for a, r in zip(answers, references, strict=True)]
    means = {kind: sum(row[kind] for row in rows) / len(rows) for kind in ROUGE}
    means["mean_words"] = sum(len(words(answer)) for answer in answers) / len(answers)
    return means, rows
