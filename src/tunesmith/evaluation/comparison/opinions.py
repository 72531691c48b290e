"""Opinions: what judges and people preferred, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.evaluation.comparison.scale import Mark, Scale, scale_of
from tunesmith.evaluation.comparison.tables import TONES
from tunesmith.evaluation.figures import ends_text, known, p_text, percent_text, signed_text

COUNTS = {"wins": "Won", "ties": "Tied", "losses": "Lost", "broken": "Broken"}
FURTHER = {
    "criterion": "by {}",
    "inconsistent": "{} decided otherwise in the other order",
    "both_bad": "{} both bad",
    "position_bias": "first place won {:.0%}",
    "longer": "longer answer won {:.0%}",
    "kappa": "kappa with votes {:.2f}",
}
"""What else is told of a pair, in words; the rest is in ``comparison.json`` alone."""
COUNTED = {"inconsistent", "both_bad"}
"""Counts, of which none is not worth a word; a share or a kappa of zero says a lot."""
WHOLE = Scale(0.0, 1.0, ("0%", "100%"))


@dataclass(frozen=True, slots=True)
class Preferred:
    """How often one model's answer was preferred to another's.

    Attributes:
        one: the first model.
        other: the second.
        counts: in words, by heading.
        rate: share won, ties counted half as whoever counted them says.
        interval: of the rate; may be empty.
        mark: both, on a scale from 0 to 1.
        p: may be empty.
        verdict: in a word; may be empty.
        tone: of the verdict.
        further: what else is told, in words.
    """

    one: str
    other: str
    counts: dict[str, str]
    rate: str
    interval: str
    mark: Mark | None
    p: str
    verdict: str
    tone: str
    further: list[str]


@dataclass(frozen=True, slots=True)
class Strengths:
    """Models by how people voted, on one scale."""

    scale: Scale | None
    rows: list[tuple[str, str, str, Mark | None]]


def opinions(result: Mapping[str, Any]) -> list[tuple[str, list[Preferred]]]:
    """Title and rows of every table of wins that a comparison has.

    Args:
        result: what ``comparison.json`` holds, with ``judged`` and ``votes`` where there are any.
    """
    votes: Mapping[str, Any] = result.get("votes") or {}
    judge = (result.get("judge") or {}).get("model", "a model")
    n = votes.get("n")
    found = [
        (f"Judged by {judge}", preferred(result.get("judged") or ())),
        (
            "Blind votes" if n is None else f"{n:,} blind vote{'' if n == 1 else 's'}",
            preferred(votes.get("pairs") or ()),
        ),
    ]
    return [(title, rows) for title, rows in found if rows]


def preferred(pairs: Sequence[Mapping[str, Any]]) -> list[Preferred]:
    """Rows of a table of wins.

    Args:
        pairs: each with ``one`` and ``other``, and as far as known ``wins``, ``ties``, ``losses``,
            ``broken``, ``win_rate`` with ``low`` and ``high``, ``p`` and whatever else is told.
    """
    found: list[Preferred] = []
    for pair in pairs:
        rate, low, high = (pair.get(name) for name in ("win_rate", "low", "high"))
        p = pair.get("p_corrected")
        found.append(
            Preferred(
                str(pair.get("one", "")),
                str(pair.get("other", "")),
                {COUNTS[name]: f"{pair[name]:,}" for name in COUNTS if pair.get(name) is not None},
                percent_text(rate),
                ends_text(low, high, percent_text),
                WHOLE.mark(rate, low, high),
                p_text(pair.get("p") if p is None else p),
                (verdict := str(pair.get("verdict") or "")),
                TONES.get(verdict, ""),
                [
                    words.format(pair[name])
                    for name, words in FURTHER.items()
                    if pair.get(name) is not None and not (name in COUNTED and pair[name] == 0)
                ],
            )
        )
    return found


def strengths(rows: Sequence[Mapping[str, Any]]) -> Strengths:
    """Strengths with their intervals, the strongest first.

    Args:
        rows: each with ``model``, ``strength`` and as far as known ``low`` and ``high``.
    """
    ordered = sorted(rows, key=lambda row: -(known(row.get("strength")) or 0.0))
    scale = scale_of(row.get(end) for row in rows for end in ("strength", "low", "high"))
    return Strengths(
        scale,
        [
            (
                str(row.get("model", "")),
                signed_text(row.get("strength")),
                ends_text(row.get("low"), row.get("high"), signed_text),
                scale.mark(row.get("strength"), row.get("low"), row.get("high")) if scale else None,
            )
            for row in ordered
        ],
    )
