"""Search: which settings a sweep tries, and which of them it goes on with; needs no torch."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from tunesmith.core.errors import RecipeError

Setting = dict[str, str]
"""Recipe key -> its value as it is written on a command line."""

RANGE = re.compile(r"(?:(log|int):)?([^.\s][^\s]*?)\.\.([^\s]+)")
DIGITS = 4
"""Significant digits of a number that is drawn, so that people can write it down."""
MAX_GRID = 10_000


@dataclass(frozen=True, slots=True)
class Axis:
    """One key of a recipe and the values it may take.

    Attributes:
        key: dotted.
        choices: values to choose from; none for a range.
        low: least number of a range.
        high: largest.
        is_log: whether powers are as likely as each other, not numbers.
        is_whole: whether only whole numbers are drawn.
    """

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False

    def draw(self, generator: random.Random) -> str:
        """One value at random."""
        if self.choices:
            return generator.choice(self.choices)
        if self.is_log:
            value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        elif self.is_whole:
            value = generator.randint(int(self.low), int(self.high))
        else:
            value = generator.uniform(self.low, self.high)
        if self.is_whole:
            return str(min(max(round(value), int(self.low)), int(self.high)))
        return f"{float(f'{value:.{DIGITS}g}'):g}"


def parse_axis(text: str) -> Axis:
    """Reads ``key=a,b,c`` or ``key=log:low..high``.

    Commas within brackets part nothing. ``int:`` draws whole numbers, ``log:`` powers; between two
    whole numbers only whole numbers are drawn.

    Raises:
        RecipeError: it is written otherwise.
    """
    key, sign, values = text.partition("=")
    if not sign or not key:
        raise RecipeError(
            f"{text!r}: what is tried is written key=value,value as in optim.lr=1e-4,2e-4."
        )
    found = RANGE.fullmatch(values)
    if found is None:
        choices = tuple(dict.fromkeys(_parted(values)))
        if len(choices) > 1 and "" in choices:
            raise RecipeError(f"{text!r}: there is an empty value between two commas.")
        return Axis(key, choices)
    kind, low, high = found.groups()
    try:
        ends = float(low), float(high)
    except ValueError:
        raise RecipeError(
            f"{text!r}: the ends of a range are numbers, as in log:1e-5..1e-3."
        ) from None
    is_whole = kind == "int" or all(re.fullmatch(r"-?\d+", end) for end in (low, high))
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
        raise RecipeError(f"{text!r}: the range ends where it starts or before. Write low..high.")
    if kind == "log" and ends[0] <= 0:
        raise RecipeError(f"{text!r}: powers have no zero. Start the range above it.")
    return Axis(key, (), *ends, is_log=kind == "log", is_whole=is_whole)


def _parted(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def grid(axes: Sequence[Axis]) -> list[Setting]:
    """Every combination of the choices, the last key's changing fastest.

    Raises:
        RecipeError: an axis is a range, or there are too many combinations to be meant.
    """
    for axis in axes:
        if not axis.choices:
            raise RecipeError(
                f"{axis.key}: a range has no end of values. Say how many to draw with --random N, "
                "or list some."
            )
    n = math.prod(len(axis.choices) for axis in axes)
    if n > MAX_GRID:
        raise RecipeError(f"the grid has {n:,} combinations. Draw some of them with --random N.")
    return [
        dict(zip((axis.key for axis in axes), values, strict=True))
        for values in product(*(axis.choices for axis in axes))
    ]


def drawn(axes: Sequence[Axis], n: int, seed: int) -> list[Setting]:
    """``n`` combinations at random, no two alike; fewer where there are no more.

    The first ones of a larger ``n`` are those of a smaller one.
    """
    generator = random.Random(seed)
    found: list[Setting] = []
    misses = 0
    while len(found) < n and misses < 1000:
        setting = {axis.key: axis.draw(generator) for axis in axes}
        if setting in found:
            misses += 1
        else:
            found.append(setting)
            misses = 0
    return found


@dataclass(frozen=True, slots=True)
class Rung:
    """One round of a sweep: its runs are trained up to a share, and the best are kept.

    Attributes:
        share: of a run's steps, in (0, 1].
        n_runs: that take part.
    """

    share: float
    n_runs: int


def rungs(n_runs: int, eta: int | None) -> list[Rung]:
    """The rounds of a sweep.

    With successive halving each round has ``eta`` times fewer runs and trains them ``eta`` times as
    far, the last one to their end, so that all rounds cost about the same. Source: Jamieson and
    Talwalkar 2016, arXiv:1502.07943.

    Args:
        n_runs: that are tried, at least one.
        eta: one in so many is kept; None: all runs go to their end in one round.
    """
    if eta is None:
        return [Rung(1.0, n_runs)]
    sizes = [n_runs]
    while sizes[-1] >= eta:
        sizes.append(sizes[-1] // eta)
    last = len(sizes) - 1
    return [Rung(eta ** (place - last), size) for place, size in enumerate(sizes)]


def best(scores: Mapping[int, float | None], n: int, *, higher_is_better: bool) -> list[int]:
    """The ``n`` runs with the best scores, the earlier of equals; one without a score never is."""
    known = {
        run: score for run, score in scores.items() if score is not None and math.isfinite(score)
    }
    sign = -1 if higher_is_better else 1
    return sorted(known, key=lambda run: (sign * known[run], run))[:n]
