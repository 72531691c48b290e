"""Duels: what a judge said of two models' answers in both orders, counted.

A verdict counts as a win only where both orders agree on it. Where they differ it is a tie, and
counted as inconsistent; where one of them cannot be read the example is broken, and counts for
nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tunesmith.evaluation.figures import known
from tunesmith.evaluation.statistics.bootstrap import Interval
from tunesmith.evaluation.statistics.permutation import holm
from tunesmith.evaluation.statistics.power import fewest_units
from tunesmith.evaluation.statistics.rate import Rate, rate

Place = Literal["A", "B", "tie"]
"""Which of two answers is better: the first that is shown, the second, or neither."""
Winner = Literal["one", "other", "tie"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Duel:
    """Two answers to one example, by one criterion.

    Attributes:
        example: its number.
        cluster: the document or dialogue it is of.
        forward: the verdict where the answer of ``one`` is shown first; None: it cannot be read.
        backward: the verdict where that of ``other`` is.
        longer: whose answer has more characters; ``tie``: neither.
        alike: whether both answers are the same text, which nobody need be asked about.
        reasons: that were given for either verdict.
    """

    example: int
    cluster: str
    forward: Place | None
    backward: Place | None
    longer: Winner = "tie"
    alike: bool = False
    reasons: tuple[str, str] = ("", "")

    @property
    def winner(self) -> Winner | None:
        """Who is better in both orders; None: broken."""
        if self.alike:
            return "tie"
        if self.forward is None or self.backward is None:
            return None
        if (self.forward, self.backward) == ("A", "B"):
            return "one"
        return "other" if (self.forward, self.backward) == ("B", "A") else "tie"

    @property
    def is_consistent(self) -> bool:
        """Whether both orders say the same."""
        return self.winner != "tie" or self.alike or self.forward == self.backward == "tie"


def counted(duels: Sequence[Duel], *, seed: int = 0) -> dict[str, Any]:
    """What duels of two models by one criterion come to.

    Args:
        duels: one for each example that was judged.
        seed: of resamples and exchanges.

    Returns:
        ``n``, ``wins``, ``ties``, ``losses`` of ``one``, ``broken``, ``inconsistent``, ``alike``;
        ``n_units``, the
        examples or clusters that are in it; ``win_rate`` (ties count half) with ``low``, ``high``
        and ``p``; ``position_bias``, the share of single verdicts for the answer in the first
        place, and ``longer``, the share of
        decided examples whose longer answer won, with ends and p-values.
    """
    whole = [duel for duel in duels if duel.winner is not None]
    clusters = [duel.cluster for duel in whole]
    winners: list[Winner | None] = [duel.winner for duel in whole]
    points = [_points(winner, "one") for winner in winners]
    won = rate(points, [1 - point for point in points], clusters, seed=seed)
    decided = [(d, d.longer) for d in whole if d.winner != "tie" and d.longer != "tie"]
    by_length = [float(duel.winner == longer) for duel, longer in decided]
    longer = rate(
        by_length, [1 - one for one in by_length], [d.cluster for d, _ in decided], seed=seed
    )
    return {
        "n": len(whole),
        "wins": winners.count("one"),
        "ties": winners.count("tie"),
        "losses": winners.count("other"),
        "broken": len(duels) - len(whole),
        "inconsistent": sum(not duel.is_consistent for duel in whole),
        "alike": sum(duel.alike for duel in whole),
        "n_units": won.n_units,
        "win_rate": known(won.interval.value),
        **_ends("", won),
        **position(duels, seed=seed),
        "longer": known(longer.interval.value),
        **_ends("longer_", longer),
        "n_longer": int(longer.n),
    }


def position(duels: Sequence[Duel], *, seed: int = 0) -> dict[str, Any]:
    """How often single verdicts are for the first place; one half where places do not matter."""
    said = [(d.cluster, [v for v in (d.forward, d.backward) if v]) for d in duels if not d.alike]
    first = [float(verdicts.count("A")) for _, verdicts in said]
    second = [float(verdicts.count("B")) for _, verdicts in said]
    found = rate(first, second, [cluster for cluster, _ in said], seed=seed)
    return {
        "position_bias": known(found.interval.value),
        **_ends("position_", found),
        "n_position": int(found.n),
    }


def corrected(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of all pairs by one criterion with ``p_corrected`` (Holm) and a ``verdict``."""
    places = [place for place, row in enumerate(rows) if row["p"] is not None]
    raised = dict(zip(places, holm([rows[place]["p"] for place in places]), strict=True))
    return [
        {
            **row,
            "p_corrected": raised.get(place),
            "verdict": _word(row, raised.get(place), len(places)),
        }
        for place, row in enumerate(rows)
    ]


def ends(interval: Interval, prefix: str = "") -> dict[str, float | None]:
    """Both ends of an interval, by name."""
    return {f"{prefix}low": known(interval.low), f"{prefix}high": known(interval.high)}


def _ends(prefix: str, found: Rate) -> dict[str, float | None]:
    return {**ends(found.interval, prefix), f"{prefix}p": found.p}


def _points(winner: Winner | None, of: Winner) -> float:
    return 0.5 if winner == "tie" else float(winner == of)


def _word(row: dict[str, Any], p: float | None, n_pairs: int) -> str:
    if p is None or row["win_rate"] is None or row["n_units"] < fewest_units(n_pairs):
        return "too few"
    if p > ALPHA:
        return "not told apart"
    return "better" if row["win_rate"] > 0.5 else "worse"
