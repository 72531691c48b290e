"""Preferences told: what a judge and people preferred, as figures of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tunesmith.evaluation.duels import Duel, Winner, corrected, counted, ends, position
from tunesmith.evaluation.figures import known
from tunesmith.evaluation.statistics.bradley_terry import is_connected, strengths
from tunesmith.evaluation.statistics.kappa import cohen_kappa
from tunesmith.evaluation.statistics.rate import rate
from tunesmith.pipelines.compared_folder import Compared, read_compared
from tunesmith.pipelines.judge_answers import Judged, Judging, kept_judging, read_judged
from tunesmith.pipelines.judge_replies import FOLDER as JUDGE
from tunesmith.pipelines.preferences_by_example import PREFERENCES, keep_preferences
from tunesmith.pipelines.votes import FOLDER as VOTES
from tunesmith.pipelines.votes import Cast, votes_cast

KEYS = ("judged", "judge", "votes")
Choice = tuple[int, str, str]
"""Number of an example and names of two models."""


def tell_preferences(folder: Path, result: dict[str, Any], *, seed: int = 0) -> None:
    """Adds what a judge and voters preferred to a result; takes out what no longer holds.

    Args:
        folder: of the comparison.
        result: gets ``judged`` and ``judge``, and ``votes``, where there are any.
        seed: of resamples and exchanges.

    Raises:
        RunError: what is kept there is broken.
    """
    for key in KEYS:
        result.pop(key, None)
    (folder / PREFERENCES).unlink(missing_ok=True)
    if not any((folder / name).is_dir() for name in (JUDGE, VOTES)):
        return
    compared = read_compared(folder, result)
    cast = votes_cast(compared)
    judging = kept_judging(folder)
    judged = None if judging is None else read_judged(compared, judging)
    if judging is not None and judged is not None:
        result |= _judged(judging, judged, cast, seed)
    if cast:
        result["votes"] = _votes(compared, cast, seed)
    keep_preferences(compared, {} if judged is None else judged.duels, cast)


def _judged(judging: Judging, judged: Judged, cast: Sequence[Cast], seed: int) -> dict[str, Any]:
    by_people: dict[Choice, list[Cast]] = {}
    for vote in cast:
        by_people.setdefault((vote.example, vote.one, vote.other), []).append(vote)
    rows: list[dict[str, Any]] = []
    agreement: list[dict[str, Any]] = []
    for name in judging.rubric.names:
        of_name: list[dict[str, Any]] = []
        both: list[tuple[Winner, Cast]] = []
        for (one, other, criterion), duels in judged.duels.items():
            if criterion != name:
                continue
            beside = list(_beside(duels, one, other, by_people))
            both += beside
            told = {"one": one, "other": other, "criterion": name, **counted(duels, seed=seed)}
            of_name.append({**told, **_kappa(beside, seed)})
        rows += corrected(of_name)
        if both:
            agreement.append({"criterion": name, **_kappa(both, seed)})
    everything = [duel for duels in judged.duels.values() for duel in duels]
    return {
        **({"judged": rows} if rows else {}),
        "judge": {
            "model": judging.model,
            "rubric": judging.rubric.name,
            "criteria": [one.model_dump() for one in judging.rubric.criteria],
            "failed": judging.failed,
            "missing": judged.n_missing,
            "replies": judged.n_replies,
            "cost": judged.cost,
            "self_judged": judged.self_judged,
            "unanswered": len(judged.unanswered),
            "unanswered_why": judged.unanswered[0] if judged.unanswered else "",
            **position(everything, seed=seed),
            "agreement": agreement,
        },
    }


def _beside(
    duels: Iterable[Duel], one: str, other: str, by_people: Mapping[Choice, Sequence[Cast]]
) -> Iterable[tuple[Winner, Cast]]:
    """What the judge says beside every vote on the same two answers."""
    for duel in duels:
        winner = duel.winner
        if winner is not None and not duel.alike:
            for vote in by_people.get((duel.example, one, other), ()):
                yield winner, vote


def _kappa(both: Sequence[tuple[Winner, Cast]], seed: int) -> dict[str, Any]:
    if not both:
        return {}
    found = cohen_kappa(
        [winner for winner, _ in both],
        [vote.winner for _, vote in both],
        [vote.cluster for _, vote in both],
        seed=seed,
    )
    return {
        "kappa": known(found.kappa.value),
        **ends(found.kappa, "kappa_"),
        "kappa_n": found.n,
        "kappa_alike": found.alike,
    }


def _votes(compared: Compared, cast: Sequence[Cast], seed: int) -> dict[str, Any]:
    pairs = [
        _pair(one, other, [v for v in cast if (v.one, v.other) == (one, other)], seed)
        for one, other in compared.pairs
    ]
    voters = Counter(vote.voter for vote in cast)
    voted = {vote.one for vote in cast} | {vote.other for vote in cast}
    names = [name for name in compared.names if name in voted]
    return {
        "n": len(cast),
        "n_examples": len({vote.example for vote in cast}),
        "voters": [{"name": name, "n": n} for name, n in sorted(voters.items())],
        "pairs": corrected([pair for pair in pairs if pair["n"]]),
        **(_strengths(names, cast, seed) if len(names) > 2 else {"strengths": []}),
        "agreement": list(_between_voters(cast, sorted(voters), seed)),
    }


def _pair(one: str, other: str, cast: Sequence[Cast], seed: int) -> dict[str, Any]:
    winners = [vote.winner for vote in cast]
    points = [0.5 if winner == "tie" else float(winner == "one") for winner in winners]
    won = rate(points, [1 - point for point in points], [v.cluster for v in cast], seed=seed)
    return {
        "one": one,
        "other": other,
        "n": len(cast),
        "wins": winners.count("one"),
        "ties": winners.count("tie"),
        "losses": winners.count("other"),
        "both_bad": sum(vote.both_bad for vote in cast),
        "n_units": won.n_units,
        "win_rate": known(won.interval.value),
        **ends(won.interval),
        "p": won.p,
    }


def _strengths(names: Sequence[str], cast: Sequence[Cast], seed: int) -> dict[str, Any]:
    tables = np.zeros((len(cast), len(names), len(names)))
    for table, vote in zip(tables, cast, strict=True):
        one, other = names.index(vote.one), names.index(vote.other)
        share = 0.5 if vote.winner == "tie" else float(vote.winner == "one")
        table[one, other], table[other, one] = share, 1 - share
    found = strengths(tables, [vote.cluster for vote in cast], seed=seed)
    values = np.array([interval.value for interval in found])
    beats = 1 / (1 + np.exp(values[None, :] - values[:, None]))
    shares = (beats.sum(1) - 0.5) / (len(names) - 1)
    rows = [
        {"model": name, "strength": interval.value, **ends(interval), "share": float(share)}
        for name, interval, share in zip(names, found, shares, strict=True)
    ]
    rows.sort(key=lambda row: -row["strength"])
    return {"strengths": rows, "has_prior": not bool(is_connected(tables.sum(0)[None])[0])}


def _between_voters(
    cast: Sequence[Cast], voters: Sequence[str], seed: int
) -> Iterable[dict[str, Any]]:
    """Kappa of every two voters who saw the same choices."""
    by_voter: dict[str, dict[Choice, Cast]] = {name: {} for name in voters}
    for vote in cast:
        by_voter[vote.voter][vote.example, vote.one, vote.other] = vote
    for one, other in combinations(voters, 2):
        shared: list[tuple[Winner, Cast]] = [
            (vote.winner, by_voter[other][choice])
            for choice, vote in by_voter[one].items()
            if choice in by_voter[other]
        ]
        if shared:
            yield {"one": one, "other": other, **_kappa(shared, seed)}
