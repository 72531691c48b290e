"""Verdict: what a paired comparison says, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tunesmith.evaluation.statistics.bootstrap import ROUNDING, Interval, bootstrap
from tunesmith.evaluation.statistics.permutation import permutation_test
from tunesmith.evaluation.statistics.power import examples_for, least_difference
from tunesmith.evaluation.statistics.sample import Sample, paired

Word = Literal["better", "worse", "not told apart", "the same", "too few"]
ALPHA = 0.05
SHOWN_DIFFERENCE = 0.02
"""What a larger set is sized for, of scores between 0 and 1: two points."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model beside another on the same examples, by one score.

    Attributes:
        difference: the first's score less the second's, with its interval.
        p: of the permutation test, as it came out; None: one unit alone tells nothing.
        p_corrected: the same among all comparisons of one table.
        n_examples: that both answered.
        least: smallest difference that so many would show; NaN where it cannot be told.
        n_for_shown: about how many examples would show ``shown``; None where it cannot be told.
        shown: the difference that a larger set is sized for.
        higher_is_better: of the score.
    """

    difference: Interval
    p: float | None
    p_corrected: float | None
    n_examples: int
    least: float
    n_for_shown: int | None
    shown: float = SHOWN_DIFFERENCE
    higher_is_better: bool = True

    @property
    def word(self) -> Word:
        """What it comes to."""
        if self.p is None:
            return "too few"
        ends = (self.difference.low, self.difference.value, self.difference.high)
        if max(map(abs, ends)) <= ROUNDING:
            return "the same"
        p = self.p if self.p_corrected is None else self.p_corrected
        if p > ALPHA:
            return "not told apart"
        return "better" if (self.difference.value > 0) == self.higher_is_better else "worse"

    def sentence(self, *, points: bool = True) -> str:
        """The verdict with what it rests on.

        Args:
            points: whether the score lies between 0 and 1, so that hundredths are points.
        """
        examples = f"{self.n_examples:,} example{'s' if self.n_examples != 1 else ''}"
        match self.word:
            case "too few":
                return f"cannot be told apart with {examples}"
            case "the same":
                return f"the same on all {examples}"
            case "not told apart":
                shown = f"{100 * self.shown:.3g} points" if points else f"{self.shown:.3g}"
                n = self.n_for_shown
                if n is None:
                    return f"cannot be told apart with {examples}"
                if n <= self.n_examples:
                    return f"cannot be told apart with {examples}, which would show {shown}"
                return (
                    f"cannot be told apart with {examples}; about {_rounded(n):,} would show a "
                    f"difference of {shown}"
                )
            case word:
                return word


def compare(
    one: Sample,
    other: Sample,
    *,
    higher_is_better: bool = True,
    shown: float = SHOWN_DIFFERENCE,
    seed: int = 0,
) -> Comparison:
    """Compares two models on the same units; sampling is seeded, so it comes out the same again."""
    both = paired(one, other)
    has_enough = both.n_units > 1 and not math.isnan(both.value)
    return Comparison(
        bootstrap(both, seed=seed),
        permutation_test(one, other, seed=seed) if has_enough else None,
        None,
        both.n_examples,
        least_difference(both) if has_enough else math.nan,
        examples_for(both, shown) if has_enough else None,
        shown,
        higher_is_better,
    )


def _rounded(n: int) -> int:
    """Two figures of it; more would pretend to know."""
    digits = max(0, len(str(n)) - 2)
    return math.ceil(n / 10**digits) * 10**digits
