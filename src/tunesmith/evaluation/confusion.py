"""Confusion: what one model answered to the rows of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

WIDEST = 12
"""Classes of which every pair is shown; of more, the commonest mistakes."""
N_MISTAKES = 12


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class.

    Attributes:
        name: of the class.
        n: rows whose reference answer it is.
        precision: share of the answers with it that are right; None: it was never answered.
        recall: share of its rows that were answered with it; None: it has no row.
        f1: harmonic mean of both; None: it has no row and was never answered.
        low: lower end of F1's interval; None: it is not known.
        high: its upper end.
    """

    name: str
    n: int
    precision: float | None
    recall: float | None
    f1: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Confusion:
    """Answers of which each is one class, by the class that is right.

    Attributes:
        model: whose answers they are.
        classes: in the order of the model's labels.
        counts: [K][K] rows of a class by what was answered; none where several can be right.
        unread: [K] rows of a class whose answer could not be read; likewise.
    """

    model: str
    classes: list[ClassScores]
    counts: list[list[int]]
    unread: list[int]

    @property
    def is_narrow(self) -> bool:
        """Whether every pair of classes can be shown."""
        return 0 < len(self.counts) <= WIDEST

    @property
    def mistakes(self) -> list[tuple[str, str, int]]:
        """Right class, answered class and rows of the commonest mistakes."""
        names = [one.name for one in self.classes]
        found = [
            (names[right], names[said], n)
            for right, row in enumerate(self.counts)
            for said, n in enumerate(row)
            if n and said != right
        ]
        return sorted(found, key=lambda one: -one[2])[:N_MISTAKES]


def confusion(
    model: str, labels: Sequence[str], pairs: Sequence[tuple[str, str | None]]
) -> Confusion:
    """Counts answers.

    Args:
        model: whose they are.
        labels: K classes.
        pairs: the right class of each row, one of the labels, and what was answered; None: it could
            not be read.
    """
    found = Counter(pairs)
    counts = [[found[right, said] for said in labels] for right in labels]
    unread = [found[right, None] for right in labels]
    return Confusion(
        model,
        [
            _scores(
                name,
                n_right=counts[place][place],
                n=sum(counts[place]) + unread[place],
                n_said=sum(row[place] for row in counts),
            )
            for place, name in enumerate(labels)
        ],
        counts,
        unread,
    )


def _scores(name: str, *, n_right: int, n: int, n_said: int) -> ClassScores:
    return ClassScores(
        name,
        n,
        precision=n_right / n_said if n_said else None,
        recall=n_right / n if n else None,
        f1=2 * n_right / (n + n_said) if n + n_said else None,
    )
