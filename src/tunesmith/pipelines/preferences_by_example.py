"""Preferences by example: what a judge and voters said of each, in ``preferences.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.core.runs import Run
from tunesmith.evaluation.duels import Duel, Winner
from tunesmith.pipelines.compared_folder import Compared
from tunesmith.pipelines.votes import Cast

PREFERENCES = "preferences.jsonl"
TURNED: dict[str, Winner] = {"A": "other", "B": "one", "tie": "tie"}
STRAIGHT: dict[str, Winner] = {"A": "one", "B": "other", "tie": "tie"}


def keep_preferences(
    compared: Compared,
    duels: Mapping[tuple[str, str, str], Sequence[Duel]],
    cast: Sequence[Cast],
) -> None:
    """Writes a line for each example that somebody judged; takes the file away where nobody did.

    Args:
        compared: models' answers.
        duels: by (one, other, criterion).
        cast: all votes.

    Raises:
        RunError: the file cannot be written.
    """
    judged: dict[int, list[dict[str, Any]]] = {}
    voted: dict[int, list[dict[str, Any]]] = {}
    for (one, other, criterion), of_pair in duels.items():
        names = {"one": one, "other": other, "criterion": criterion}
        for duel in of_pair:
            if not duel.alike:  # equal answers are shown to nobody
                told = {**names, "winner": duel.winner, "said": list(_said(duel, one, other))}
                judged.setdefault(duel.example, []).append(told)
    for vote in cast:
        told = {"voter": vote.voter, "one": vote.one, "other": vote.other}
        told |= {"winner": vote.winner, "both_bad": vote.both_bad}
        voted.setdefault(vote.example, []).append(told)
    lines = [
        {
            "example": example.number,
            "origin": example.origin,
            "judged": judged.get(example.number, []),
            "votes": voted.get(example.number, []),
        }
        for example in compared.examples
        if example.number in judged or example.number in voted
    ]
    if not lines:
        (compared.folder / PREFERENCES).unlink(missing_ok=True)
        return
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    Run(compared.folder).write_text(PREFERENCES, text)


def _said(duel: Duel, one: str, other: str) -> Iterator[dict[str, Any]]:
    """Both verdicts: whose answer was shown first, whose is preferred, and why."""
    verdicts = ((one, duel.forward, STRAIGHT), (other, duel.backward, TURNED))
    for (first, place, winners), reason in zip(verdicts, duel.reasons, strict=True):
        yield {"first": first, "preferred": winners.get(place) if place else None, "reason": reason}
