"""Bleu: runs of up to four words that answers share with their references, over all answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.core.extras import require, require_installed
from tunesmith.evaluation.metrics.metric import Metric, Parts, Scores

ORDERS = 4


class Bleu(Metric):
    """BLEU in [0, 1], where sacrebleu prints 0 to 100 (Papineni et al. 2002).

    Tokens, counts and the score of one answer are sacrebleu's; the score of all answers is made of
    the sums of their counts, with its exponential smoothing.
    """

    name: Literal["bleu"] = "bleu"
    tokenize: Literal["13a", "zh", "char", "intl", "none"] = "13a"
    """How sacrebleu divides texts: ``13a`` as for WMT, ``zh`` with Chinese characters apart."""
    lowercase: bool = False
    """Whether capitals count as small letters."""
    gives: ClassVar[tuple[str, ...]] = ("bleu",)
    headings: ClassVar[Mapping[str, str]] = {"bleu": "BLEU"}
    about: ClassVar[str] = (
        "BLEU is the share of runs of one to four words that the references have too, over all "
        "answers together, lowered where answers are too short. Higher is better."
    )

    def require_usable(self) -> None:
        """Checks that sacrebleu is installed."""
        require_installed("sacrebleu", extra="metrics", purpose="BLEU")

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Of all answers; each answer's own is told beside it, and their mean is another figure.

        Raises:
            MissingExtraError: sacrebleu is not installed.
        """
        metrics = require("sacrebleu.metrics", extra="metrics", purpose="BLEU")
        single = metrics.BLEU(
            tokenize=self.tokenize, lowercase=self.lowercase, effective_order=True, force=True
        )
        sums, rows = np.zeros((len(answers), 2 * ORDERS + 2)), []
        for place, (answer, accepted) in enumerate(zip(answers, references, strict=True)):
            text = "" if answer is None else str(answer)
            found = single.sentence_score(text, [str(one) for one in accepted])
            # Without any match sacrebleu leaves totals as they were counted too.
            sums[place] = [*found.counts, *found.totals, found.sys_len, found.ref_len]
            rows.append({"bleu": found.score / 100})
        parts = Parts(sums, bleu)
        return Scores({"bleu": float(bleu(sums.sum(0)))}, rows, {"bleu": parts})


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU of counts, [..., 10] -> [...].

    Args:
        sums: runs that are shared, of one to four words; runs there are; words of answers; words of
            references.

    Source: Papineni et al. 2002, section 2.3; of runs that are never shared, 1 / (2^k total) for
    the k-th such length (Chen and Cherry 2014, method 3).
    """
    shared, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    n_said, n_right = sums[..., -2], sums[..., -1]
    is_missed = (shared == 0) & (total > 0)
    smoothed = 1 / 2.0 ** np.cumsum(is_missed, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(is_missed, smoothed, shared) / total
        # No run of four words at all: BLEU is 0, not undefined.
        logs = np.where(total > 0, np.log(precision), -np.inf)
        brevity = np.where(n_said < n_right, np.exp(1 - n_right / n_said), 1.0)
    has_any = (shared.sum(-1) > 0) & (n_said > 0)
    return np.where(has_any, brevity * np.exp(logs.mean(-1)), 0.0)
