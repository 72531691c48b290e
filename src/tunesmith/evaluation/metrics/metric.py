"""Metric: scores answers against reference answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.core.part import Part
from tunesmith.evaluation.statistics.sample import Sample, Statistic, ratio, sample

Kind = Literal["text", "classes", "numbers", "running text", "preferences"]
"""What a task's answers are."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A score as a function of sums over answers, so that it can be had of any resample.

    Attributes:
        sums: [N, K], what each of N answers adds.
        statistic: makes the score of their sums.
        columns: names of the sums where they depend on the answers, as of classes; sorted.
    """

    sums: np.ndarray
    statistic: Statistic
    columns: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """What a metric found.

    Attributes:
        values: by name, over all answers.
        rows: by name, for each answer; nothing of a name that has no meaning for one answer alone.
        parts: by name, of values that are not the mean of their rows.
        notes: what is to be known of how these answers were compared, each a sentence.
    """

    values: dict[str, float]
    rows: list[dict[str, float]]
    parts: dict[str, Parts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def samples(self, clusters: Sequence[str] | None = None) -> dict[str, Sample]:
        """The values as samples, of which intervals and differences can be had.

        A value that is neither a mean over the rows that have it nor has parts is left out.

        Args:
            clusters: for each answer the document or conversation it is of; None: all stand alone.
        """
        found: dict[str, Sample] = {}
        for name in self.values:
            if name in self.parts:
                parts = self.parts[name]
                found[name] = sample(parts.sums, parts.statistic, clusters, parts.columns)
            elif any(name in row for row in self.rows):
                sums = [(row.get(name, 0.0), float(name in row)) for row in self.rows]
                found[name] = sample(sums, ratio, clusters)
        return found


class Metric(Part):
    """One way of scoring."""

    gives: ClassVar[tuple[str, ...]]
    """Names of its scores; the first is the one to judge by."""
    headings: ClassVar[Mapping[str, str]] = {}
    """Words for them in tables, of those that are shown there."""
    higher_is_better: ClassVar[bool] = True
    """Of all its scores."""
    fits: ClassVar[frozenset[Kind]] = frozenset({"text", "classes"})
    """Answers that it can score."""
    about: ClassVar[str] = ""
    """What they say, in a sentence or two, for the report."""
    scales: ClassVar[Mapping[str, str]] = {}
    """Between what its scores lie, where that is not 0 to 1, as "-1 to 1"; empty: unbounded."""
    same_counts: ClassVar[frozenset[str]] = frozenset()
    """Its scores that are for each of something that depends on the model, as tokens do: they tell
    two models apart only where both have as many."""
    empty: ClassVar[str] = "an empty answer"
    """What an answer without text says."""
    details: ClassVar[str] = ""
    """How they differ from each other, likewise."""

    def require_usable(self) -> None:
        """Checks that what it needs is here; asked before any model answers.

        Raises:
            TunesmithError: it is not.
        """

    @abstractmethod
    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Scores N answers, each against all that are accepted for it.

        Args:
            answers: N; None where there is none that can be read, which is wrong.
            references: N lists of at least one answer.
        """
