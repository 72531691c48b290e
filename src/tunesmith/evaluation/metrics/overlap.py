"""Rouge: words and runs of words that an answer shares with its reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Parts, Scores
from tunesmith.evaluation.rouge import ROUGE, best_rouge, words
from tunesmith.evaluation.statistics.sample import ratio


class Rouge(Metric):
    """ROUGE F1 in [0, 1] against the best reference of each kind (Lin 2004), and the length."""

    name: Literal["rouge"] = "rouge"
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
        texts = ["" if answer is None else str(answer) for answer in answers]
        rows = [
            best_rouge(text, [str(one) for one in accepted])
            for text, accepted in zip(texts, references, strict=True)
        ]
        values = {kind: sum(row[kind] for row in rows) / len(rows) for kind in ROUGE}
        lengths = np.array([[len(words(text)), 1] for text in texts], np.float64)
        values["mean_words"] = float(lengths[:, 0].mean())
        return Scores(values, rows, {"mean_words": Parts(lengths, ratio)})
