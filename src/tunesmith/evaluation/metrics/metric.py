"""Metric: scores answers against reference answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tunesmith.core.answers import Answer
from tunesmith.core.part import Part


@dataclass(frozen=True, slots=True)
class Scores:
    """What a metric found.

    Attributes:
        values: by name, over all answers.
        rows: by name, for each answer; nothing of a name that has no meaning for one answer alone.
    """

    values: dict[str, float]
    rows: list[dict[str, float]]


class Metric(Part):
    """One way of scoring."""

    gives: ClassVar[tuple[str, ...]]
    """Names of its scores; the first is the one to judge by."""
    headings: ClassVar[Mapping[str, str]] = {}
    """Words for them in tables, of those that are shown there."""
    higher_is_better: ClassVar[bool] = True
    """Of all its scores."""
    about: ClassVar[str] = ""
    """What they say, in a sentence or two, for the report."""
    scales: ClassVar[Mapping[str, str]] = {}
    """Between what its scores lie, where that is not 0 to 1, as "-1 to 1"; empty: unbounded."""
    empty: ClassVar[str] = "an empty answer"
    """What an answer without text says."""
    details: ClassVar[str] = ""
    """How they differ from each other, likewise."""

    @abstractmethod
    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Scores N answers, each against all that are accepted for it.

        Args:
            answers: N; None where there is none that can be read, which is wrong.
            references: N lists of at least one answer.
        """
