"""Preference page: what a judge and voters preferred, as tables and notes for readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.evaluation.figures import (
    ends_text,
    examples_text,
    p_text,
    percent_text,
    plain_signed,
    plain_text,
)

Table = tuple[str, list[str], list[list[str]]]
"""Title, header and rows."""


def preference_tables(result: Mapping[str, Any]) -> list[Table]:
    """Every table there is: the judge's, the votes', the strengths.

    Args:
        result: of a comparison.
    """
    found: list[Table] = []
    if result.get("judged"):
        title = f"Judged by {result['judge']['model']}"
        found.append((title, *_judge_table(result["judged"])))
    votes = result.get("votes")
    if votes:
        found.append((_votes(votes["n"], "blind "), *_vote_table(votes["pairs"])))
        if votes["strengths"]:
            found.append(("Strengths by votes", *_strength_table(votes["strengths"])))
    return found


def preference_notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader of these tables should know."""
    notes: list[str] = []
    if "judge" in result:
        notes += _judge_notes(result["judge"], result.get("judged", []))
    if "votes" in result:
        notes += _vote_notes(result["votes"])
    return notes


def _judge_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    has_votes = any(row.get("kappa_n") for row in rows)
    header = ["pair", "criterion", "won", "tied", "lost", "broken", "win rate", "95 %", "p"]
    header += ["verdict", "first place", "longer", *(["kappa"] if has_votes else [])]
    return header, [
        [
            f"{row['one']} against {row['other']}",
            row["criterion"],
            *(f"{row[key]:,}" for key in ("wins", "ties", "losses", "broken")),
            percent_text(row["win_rate"], "-"),
            _ends(row),
            p_text(row["p_corrected"]),
            row["verdict"],
            percent_text(row["position_bias"], "-"),
            percent_text(row["longer"], "-"),
            *([plain_text(row.get("kappa"), 2)] if has_votes else []),
        ]
        for row in rows
    ]


def _vote_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    header = ["pair", "won", "tied", "both bad", "lost", "win rate", "95 %", "p", "verdict"]
    return header, [
        [
            f"{row['one']} against {row['other']}",
            f"{row['wins']:,}",
            f"{row['ties'] - row['both_bad']:,}",
            f"{row['both_bad']:,}",
            f"{row['losses']:,}",
            percent_text(row["win_rate"], "-"),
            _ends(row),
            p_text(row["p_corrected"]),
            row["verdict"],
        ]
        for row in rows
    ]


def _strength_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    header = ["model", "strength", "95 %", "wins against the others"]
    return header, [
        [
            row["model"],
            plain_signed(row["strength"], 2),
            ends_text(row["low"], row["high"], _signed_two) or "-",
            percent_text(row["share"], "-"),
        ]
        for row in rows
    ]


def _judge_notes(judge: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    name = judge["model"]
    if judge["failed"]:
        yield f"The judge {name} was not asked to the end: {judge['failed']}"
    if not rows:
        return
    n_inconsistent, n_broken = (sum(row[key] for row in rows) for key in ("inconsistent", "broken"))
    n_whole = sum(row["n"] - row["alike"] for row in rows)  # equal answers are not asked about
    yield (
        f"{name} judged every two answers in both orders by the rubric {judge['rubric']!r}; a win "
        "is what both orders say, and ties count half. The orders contradict each other in "
        f"{n_inconsistent:,} of {n_whole:,} verdicts, which are ties; {n_broken:,} cannot be read "
        "and count for nobody."
    )
    if judge.get("unanswered"):
        yield (
            f"{judge['unanswered']:,} of the {judge['replies']:,} requests to the judge will never "
            "be answered, and their verdicts are broken. The first because: "
            f"{judge['unanswered_why'].rstrip('.')}. Nothing more is asked of them in this folder; "
            "with another --out it is."
        )
    if judge["position_bias"] is not None:
        yield (
            f"Of its single verdicts {percent_text(judge['position_bias'])} "
            f"({_ends(judge, 'position_')}) are for the answer in the first place"
            + (
                "; places sway it, and both orders take most of that out."
                if judge["position_p"] is not None and judge["position_p"] < 0.05
                else "; one half would be fair."
            )
        )
    swayed = [row for row in rows if row["longer_p"] is not None and row["longer_p"] < 0.05]
    if swayed:
        told = ", ".join(
            f"{percent_text(row['longer'])} by {row['criterion']} "
            f"({row['one']} against {row['other']})"
            for row in swayed
        )
        yield (
            f"How often the longer answer won: {told}. The judge may go by length, or the longer "
            "answers may be better: only votes or checks of the facts can tell."
        )
    if judge["self_judged"]:
        yield (
            f"The judge is one of the models that it judges ({', '.join(judge['self_judged'])}): "
            "judges tend to prefer what they wrote themselves (Panickssery et al. 2024, "
            "arXiv:2404.13076)."
        )
    if judge["missing"]:
        yield f"{judge['missing']:,} pairs of answers were not judged yet, and count for nobody."
    for row in judge["agreement"]:
        yield (
            f"By {row['criterion']} judge and voters say the same of "
            f"{percent_text(row['kappa_alike'])} of {row['kappa_n']:,} votes; {_kappa(row)}."
        )
    if not judge["agreement"]:
        yield "How far the judge agrees with people is not known: tunesmith compare --vote"
    if judge["cost"] is not None:
        n_replies = judge["replies"] - judge.get("unanswered", 0)
        yield f"The {n_replies:,} replies of the judge cost {judge['cost']:,.4f}."


def _vote_notes(votes: Mapping[str, Any]) -> Iterator[str]:
    n_voters = len(votes["voters"])
    yield (
        f"{_votes(votes['n'])} of {n_voters} voter{'s' if n_voters != 1 else ''} on "
        f"{examples_text(votes['n_examples'])}, names hidden; a tie, also of two bad "
        "answers, counts as half a win for each. All votes on one example or document count as "
        "one unit. Equal answers are not voted on."
    )
    if votes["strengths"]:
        yield (
            "Strengths are those of Bradley and Terry: logarithms whose mean is 0, ties as half "
            "wins."
            + (
                " Wins alone do not tell them here, since one model won or lost all: half a win "
                "and half a loss were added to each."
                if votes["has_prior"]
                else ""
            )
        )
        if any(row["low"] is None for row in votes["strengths"]):
            yield (
                "Strengths without an interval: too few examples were voted on, or all of them "
                "say the same, which tells nothing of how far others would differ."
            )
    for row in votes["agreement"]:
        yield (
            f"{row['one']} and {row['other']} agree in {percent_text(row['kappa_alike'])} of "
            f"{row['kappa_n']:,} votes; {_kappa(row)}."
        )


def _kappa(row: Mapping[str, Any]) -> str:
    told = f"Cohen's kappa {plain_text(row['kappa'], 2)}"
    if row["kappa"] is None:
        return told
    if row["kappa_low"] is None:
        return f"{told}, without an interval: too few votes, or none that differ, tell its spread"
    return f"{told} ({ends_text(row['kappa_low'], row['kappa_high'], _two)})"


def _ends(row: Mapping[str, Any], prefix: str = "") -> str:
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    return ends_text(low, high, percent_text) or "-"


def _two(value: float | None) -> str:
    return plain_text(value, 2)


def _signed_two(value: float | None) -> str:
    return plain_signed(value, 2)


def _votes(n: int, which: str = "") -> str:
    return f"{n:,} {which}vote{'' if n == 1 else 's'}"
