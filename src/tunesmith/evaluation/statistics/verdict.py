"""Verdict: what a paired comparison says, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tunesmith.evaluation.statistics.bootstrap import ROUNDING, Interval, bootstrap
from tunesmith.evaluation.statistics.no_width import widened
from tunesmith.evaluation.statistics.permutation import permutation_test
from tunesmith.evaluation.statistics.power import (
    ALPHA,
    examples_for,
    fewest_units,
    least_difference,
    standard_error,
)
from tunesmith.evaluation.statistics.sample import Sample, paired

Word = Literal["better", "worse", "not told apart", "the same", "too few"]
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
        n_units: documents or dialogues that these are of, each of which counts as one.
        error: standard error of the difference; NaN where it cannot be told.
        same: whether no resample of the units parts the two at all.
        n_pairs: that are compared in one table.
        shown: the difference that a larger set is sized for.
        higher_is_better: of the score.
    """

    difference: Interval
    p: float | None
    p_corrected: float | None
    n_examples: int
    n_units: int
    error: float
    same: bool
    n_pairs: int = 1
    shown: float = SHOWN_DIFFERENCE
    higher_is_better: bool = True

    @property
    def word(self) -> Word:
        """What it comes to."""
        if self.p is None:
            return "too few"
        if self.same:
            return "the same"
        if self.n_units < fewest_units(self.n_pairs):
            return "too few"
        p = self.p if self.p_corrected is None else self.p_corrected
        if p > ALPHA:
            return "not told apart"
        return "better" if (self.difference.value > 0) == self.higher_is_better else "worse"

    @property
    def least(self) -> float:
        """The smallest difference that so many units would show; NaN where it cannot be told."""
        if self.n_units < fewest_units(self.n_pairs):
            return math.nan
        return least_difference(self.error, n_pairs=self.n_pairs)

    @property
    def n_for_shown(self) -> int | None:
        """About how many examples would show ``shown``; None where it cannot be told."""
        found = examples_for(self.n_examples, self.error, self.shown, n_pairs=self.n_pairs)
        if found is None:
            return None
        per_unit = self.n_examples / self.n_units
        return max(found, math.ceil(fewest_units(self.n_pairs) * per_unit))

    def sentence(self, *, points: bool = True) -> str:
        """The verdict with what it rests on.

        Args:
            points: whether the score lies between 0 and 1, so that hundredths are points.
        """
        examples = _counted(self.n_examples, "example")
        match self.word:
            case "too few" if self.p is None:
                return f"cannot be told apart with {examples}"
            case "too few":
                units = examples
                if self.n_units != self.n_examples:
                    units = _counted(self.n_units, "document")
                return (
                    f"cannot be told apart: {units} are too few for any verdict; at least "
                    f"{fewest_units(self.n_pairs)} are needed"
                )
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
    is_share: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compares two models on the same units; sampling is seeded, so it comes out the same again.

    Args:
        one: the first's results.
        other: the second's.
        higher_is_better: of the score.
        shown: the difference that a larger set is sized for.
        is_share: whether the score lies between 0 and 1, so that differences that are all alike
            tell how far others may be off; else such a difference has no ends.
        seed: of resamples and exchanges.
    """
    both = paired(one, other)
    has_enough = both.n_units > 1 and not math.isnan(both.value)
    found = bootstrap(both, seed=seed)
    ends = (found.low, found.value, found.high)
    return Comparison(
        widened(found, both.n_units, (-1.0, 1.0) if is_share else None),
        permutation_test(one, other, seed=seed) if has_enough else None,
        None,
        both.n_examples,
        both.n_units,
        standard_error(both) if has_enough else math.nan,
        found.is_known and max(map(abs, ends)) <= ROUNDING,
        shown=shown,
        higher_is_better=higher_is_better,
    )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n != 1 else ''}"


def _rounded(n: int) -> int:
    """Two figures of it; more would pretend to know."""
    digits = max(0, len(str(n)) - 2)
    return math.ceil(n / 10**digits) * 10**digits
