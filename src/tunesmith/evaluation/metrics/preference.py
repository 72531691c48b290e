"""Preference: whether a model's rewards rank answers as people did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Kind, Metric, Scores


class PreferenceAccuracy(Metric):
    """Rewards' margins against which answer was preferred; a tie is half right."""

    name: Literal["preference"] = "preference"
    fits: ClassVar[frozenset[Kind]] = frozenset({"preferences"})
    gives: ClassVar[tuple[str, ...]] = ("reward_accuracy", "reward_margin", "likelier_fraction")
    headings: ClassVar[Mapping[str, str]] = {
        "reward_accuracy": "Reward accuracy",
        "reward_margin": "Reward margin",
        "likelier_fraction": "Chosen is likelier",
    }
    scales: ClassVar[Mapping[str, str]] = {"reward_margin": ""}
    about: ClassVar[str] = (
        "Reward accuracy is the share of pairs whose chosen answer has the higher reward, or of "
        "single answers whose reward has the right sign; 0.5 is chance, and what a model has "
        "against itself. The margin is the mean distance of rewards."
    )
    details: ClassVar[str] = (
        "A reward says how much likelier an answer became by tuning; without a reference, how "
        "likely it is per token. Whether the chosen answer is the likelier one per token needs no "
        "comparison with the base."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Judges margins.

        Args:
            answers: N margins of rewards, chosen over rejected; of a single answer its reward.
            references: N lists of one sign: 1 of a pair and of a wanted answer, else -1.

        Returns:
            ``reward_accuracy`` and ``reward_margin``; ``likelier_fraction`` is not told by these.
        """
        rows: list[dict[str, float]] = []
        for margin, [sign] in zip(answers, references, strict=True):
            assert isinstance(margin, float) and isinstance(sign, float)
            right = 0.5 if margin == 0 else float((margin > 0) == (sign > 0))
            rows.append({"reward_accuracy": right, "reward_margin": margin * sign})
        names = self.gives[:2]
        return Scores({n: sum(row[n] for row in rows) / len(rows) for n in names}, rows)
