"""Figures: speeds, ratios and shares out of what was measured; no torch, no clock."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train_rows import GOALS, OURS, Goal
from train_work import RANK, SIZES

LOSS_TOLERANCE = {
    ("float32", False): (1e-4, 1e-3),
    ("bfloat16", False): (1e-3, 5e-3),
    ("float32", True): (1e-4, 2e-2),
    ("bfloat16", True): (1e-3, 2e-2),
}
"""By precision and whether there is dropout: relative difference of the first and the last loss
from ours that is noise. Updates start at zero, so dropout leaves the first loss as it is."""
LIMIT_OF = {"float32": "float32", "bfloat16": "bfloat16"}


@dataclass(frozen=True)
class Ratio:
    """How much faster we are than another, median of the rounds.

    Attributes:
        cpu: in CPU seconds.
        wall: in seconds of the clock.
        low: least of the rounds, in whichever of the two is less.
        high: most of them.
    """

    cpu: float
    wall: float
    low: float
    high: float

    @property
    def least(self) -> float:
        """What a goal is held against: the smaller of both."""
        return min(self.cpu, self.wall)


def speeds(contender: Mapping[str, Any], clock: str) -> list[float]:
    """Useful tokens per second of each round; ``clock`` is ``cpu_s`` or ``wall_s``."""
    return [run["tokens"] / run[clock] for run in contender["runs"]]


def ratio(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Ratio:
    """Our speed over another's, round by round, so that what both suffered falls out."""
    by_clock = {
        clock: [a / b for a, b in zip(speeds(ours, clock), speeds(theirs, clock), strict=True)]
        for clock in ("cpu_s", "wall_s")
    }
    cpu, wall = (statistics.median(by_clock[clock]) for clock in ("cpu_s", "wall_s"))
    rounds = by_clock["cpu_s" if cpu <= wall else "wall_s"]
    return Ratio(cpu, wall, min(rounds), max(rounds))


def void(row: Mapping[str, Any], name: str) -> str:
    """Why a contender cannot be compared with us: its losses are others; empty where it can."""
    work = row["work"]
    ours, theirs = (row["contenders"][n].get("losses") or [] for n in (OURS, name))
    if not ours or len(ours) != len(theirs):
        return f"{len(ours)} losses of ours, {len(theirs)} of theirs"
    first, last = LOSS_TOLERANCE[work["precision"], work["dropout"] > 0]
    for place, word, most in ((0, "first", first), (-1, "last", last)):
        difference = abs(theirs[place] / ours[place] - 1)
        if not difference <= most:
            return f"{word} loss {theirs[place]:.4f}, ours {ours[place]:.4f}"
    return ""


def products_per_token(work: Mapping[str, Any], lengths: Sequence[int], n_targets: int) -> float:
    """Floating-point operations of the matrix products that training cannot do without, per token.

    Forward pass and input gradients of frozen linear layers; forward pass, input and weight
    gradients of the adapters; attention over what a token sees; the head on rows with a target.
    The last layer needs queries and MLP for those rows alone, and the first no gradient of its
    input.
    """
    size = SIZES[work["size"]]
    width, ffn = size["hidden"], size["ffn"]
    n_tokens, share = sum(lengths), n_targets / sum(lengths)
    all_rows, some_rows = 2 * width**2, 2 * width**2 + 3 * width * ffn  # k, v; q, o, MLP
    adapters = {"all": 2 * RANK * 2 * width, "some": RANK * (4 * width + 3 * (width + ffn))}
    layers = (size["layers"] - 1) + share  # a whole layer for every token, the last for some
    frozen = 2 * 2 * (all_rows * size["layers"] + some_rows * layers)
    frozen -= 2 * 3 * width**2  # q, k and v of the first layer
    updates = 2 * 3 * (adapters["all"] * size["layers"] + adapters["some"] * layers)
    seen = sum(n * (n + 1) / 2 for n in lengths) / n_tokens
    attention = 3 * 2 * 2 * width * seen * layers
    head = 2 * 2 * width * size["vocabulary"] * share
    return frozen + updates + attention + head


def limit(row: Mapping[str, Any]) -> float | None:
    """Matrix products, GFLOP/s: the best of the model's shapes, median of the rounds."""
    found = row["contenders"].get("matrix products")
    if not found or not found.get("runs"):
        return None
    kind = row["work"]["precision"]
    return statistics.median(max(run["gflops"][kind].values()) for run in found["runs"])


def limit_share(row: Mapping[str, Any]) -> float | None:
    """Share of the measured speed of matrix products that our useful ones take up."""
    fastest = limit(row)
    if fastest is None:
        return None
    speed = statistics.median(speeds(row["contenders"][OURS], "wall_s"))
    return row["products_per_token"] * speed / (fastest * 1e9)


def memory_mb(contender: Mapping[str, Any]) -> float:
    """Peak of resident memory."""
    return max(run["memory_mb"]["peak"] for run in contender["runs"])


@dataclass(frozen=True)
class Reached:
    """What was found of a goal.

    Attributes:
        goal: it.
        value: the number, None where nothing valid was measured.
        words: number and spread, or why there is none.
        is_met: whether it is reached.
    """

    goal: Goal
    value: float | None
    words: str
    is_met: bool


def reached(rows: Mapping[str, Any]) -> list[Reached]:
    """What was found of every goal."""
    return [_reached(goal, rows.get(goal.row)) for goal in GOALS]


def _reached(goal: Goal, row: Mapping[str, Any] | None) -> Reached:
    if row is None or not row["contenders"].get(OURS, {}).get("runs"):
        return Reached(goal, None, "not measured", False)
    contenders = row["contenders"]
    if goal.kind == "limit":
        share = limit_share(row)
        if share is None:
            return Reached(goal, None, "not measured", False)
        return Reached(goal, share, f"{share:.2f}", share >= goal.bound)
    measured = [name for name in goal.theirs if contenders.get(name, {}).get("runs")]
    valid = [name for name in measured if not void(row, name)]
    if not valid:
        why = void(row, measured[0]) if measured else "not measured"
        return Reached(goal, None, f"void: {why}" if measured else why, False)
    if goal.kind == "memory":
        share = memory_mb(contenders[OURS]) / min(memory_mb(contenders[n]) for n in valid)
        return Reached(goal, share, f"{share:.2f}", share <= goal.bound)
    found = min((ratio(contenders[OURS], contenders[n]) for n in valid), key=lambda r: r.least)
    words = f"{found.cpu:.2f} CPU, {found.wall:.2f} wall ({found.low:.2f} to {found.high:.2f})"
    return Reached(goal, found.least, words, found.least >= goal.bound)
