"""Preferred: whose answers a judge and voters preferred, example by example, for the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

REASONS = 500_000
"""Bytes of all reasons in one page; where there are more, each is shortened."""
LENGTHS = (600, 300, 200, 140, 100, 70)
"""Signs of a reason, the longest that fit are taken; where none do, only one pair has reasons."""
WHO = {"one": 0, "other": 1, "tie": 2}


def add_preferred(
    held: dict[str, Any], told: Iterable[Mapping[str, Any]], place: Callable[[str], int]
) -> None:
    """Adds to each row what was preferred, and to what is held the criteria and how much is.

    A row gets ``j``, of each pair and criterion ``[one, other, criterion, forward, backward,
    reasons...]``, and ``v``, of each pair ``[one, other, for the one, for the other, ties, both
    bad]``; models, criteria and texts by their places, and who is preferred as 0 (the one), 1 (the
    other), 2 (neither) or null (cannot be read).

    Args:
        held: rows and models; is added to.
        told: lines of ``preferences.jsonl``.
        place: of a text.
    """
    rows, models = held["rows"], held["models"]
    lines = [
        one | {"judged": _of(one, "judged", models), "votes": _of(one, "votes", models)}
        for one in map(dict, told)
        if one["example"] < len(rows)
    ]
    criteria = list(dict.fromkeys(each["criterion"] for one in lines for each in one["judged"]))
    lengths = _lengths([each for one in lines for each in one["judged"]], _first(held))
    for one in lines:
        row = rows[one["example"]]
        if one["judged"]:
            row["j"] = [_judged(each, models, criteria, lengths, place) for each in one["judged"]]
        if one["votes"]:
            row["v"] = _votes(one["votes"], models)
    held["criteria"] = criteria
    held["voted"] = any("v" in row for row in rows)
    held["shortened"] = any(
        len(said["reason"]) > lengths[_pair(each)]
        for one in lines
        for each in one["judged"]
        for said in each["said"]
    )


def _of(line: Mapping[str, Any], key: str, models: Sequence[str]) -> list[Mapping[str, Any]]:
    return [each for each in line[key] if each["one"] in models and each["other"] in models]


def _judged(
    each: Mapping[str, Any],
    models: Sequence[str],
    criteria: Sequence[str],
    lengths: Mapping[frozenset[str], int],
    place: Callable[[str], int],
) -> list[Any]:
    names = [models.index(each["one"]), models.index(each["other"])]
    said = [WHO.get(s["preferred"]) for s in each["said"]]
    why = [_shortened(s["reason"], lengths[_pair(each)]) for s in each["said"]]
    return [*names, criteria.index(each["criterion"]), *said, *map(place, why if any(why) else ())]


def _votes(votes: Sequence[Mapping[str, Any]], models: Sequence[str]) -> list[list[int]]:
    counts: dict[tuple[int, int], list[int]] = {}
    for vote in votes:
        pair = models.index(vote["one"]), models.index(vote["other"])
        count = counts.setdefault(pair, [0, 0, 0, 0])
        count[3 if vote["both_bad"] else WHO[vote["winner"]]] += 1
    return [[*pair, *count] for pair, count in counts.items()]


def _first(held: Mapping[str, Any]) -> frozenset[str]:
    """The pair that is chosen at first."""
    return frozenset(held["models"][place] for place in held["compared"])


def _pair(each: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((each["one"], each["other"]))


def _lengths(
    judged: Sequence[Mapping[str, Any]], first: frozenset[str]
) -> dict[frozenset[str], int]:
    """Signs that a reason may have, by pair, so that all fit."""
    reasons: dict[frozenset[str], list[str]] = {}
    for each in judged:
        reasons.setdefault(_pair(each), []).extend(said["reason"] for said in each["said"])
    everything = [reason for of_pair in reasons.values() for reason in of_pair]
    if length := _length(everything):
        return dict.fromkeys(reasons, length)
    return dict.fromkeys(reasons, 0) | {first: _length(reasons.get(first, []))}


def _length(reasons: Sequence[str]) -> int:
    """The longest that all of them may be; 0: none is short enough."""
    for length in LENGTHS:
        if sum(len(_shortened(one, length).encode()) for one in reasons) <= REASONS:
            return length
    return 0


def _shortened(reason: str, length: int) -> str:
    if len(reason) <= length:
        return reason
    return f"{reason[: length - 1].rstrip()}…" if length else ""
