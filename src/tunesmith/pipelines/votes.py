"""Votes: what people prefer, without knowing whose answer it is.

A vote is bound to the texts that were seen and not to names, so it holds for as long as models
answer so, whatever they are called. Each voter has a file, to which one line is added for each
vote; what was taken back stays in it.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tunesmith.core.errors import RecipeError, RunError
from tunesmith.core.lines_kept import LinesKept
from tunesmith.evaluation.duels import Winner
from tunesmith.pipelines.compared_folder import AnsweredExample, Compared, text_key

FOLDER = "votes"
VOTER = re.compile(r"[\w.-]{1,40}")
Said = Literal["left", "right", "tie", "bad", "skip"]


@dataclass(frozen=True, slots=True)
class Ballot:
    """Two answers as a voter sees them.

    Attributes:
        key: of the choice.
        origin: of the example.
        prompt: what was asked.
        left: one answer.
        right: the other.
        cut: which of both, ``left`` and ``right``, the token limit cut.
    """

    key: str
    origin: str
    prompt: str
    left: str
    right: str
    cut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cast:
    """One vote on two models' answers.

    Attributes:
        voter: whose.
        example: number of the example.
        cluster: the document or dialogue it is of.
        one: name of a model.
        other: name of the one it is compared with.
        winner: whose answer is preferred.
        both_bad: whether neither is any good, which is a tie as well.
    """

    voter: str
    example: int
    cluster: str
    one: str
    other: str
    winner: Winner
    both_bad: bool = False


class VoteBook:
    """The votes of one voter on one comparison; every one is on the disk at once."""

    def __init__(self, folder: Path, voter: str) -> None:
        """Opens the file; it is made with the first vote.

        Args:
            folder: of the comparison.
            voter: a name for a file.

        Raises:
            RecipeError: the name is none for a file.
            RunError: the file is broken.
        """
        if not VOTER.fullmatch(voter) or voter.startswith("."):
            raise RecipeError(
                f"--voter {voter!r}: write a short name of letters, digits, dots and dashes."
            )
        self.voter = voter
        self._kept = LinesKept(folder / FOLDER / f"{voter}.jsonl")
        self.standing: dict[str, str] = {}
        """By the key of a choice: hash of the preferred text, ``tie``, ``bad`` or ``skip``."""
        self._history: list[str] = []
        for entry in self._kept.read():
            self._note(_key_in(entry, self._kept.path), entry.get("vote"))

    def vote(self, ballot: Ballot, said: Said) -> None:
        """Writes a vote down.

        Raises:
            RunError: the file cannot be written.
        """
        sides = {"left": ballot.left, "right": ballot.right}
        vote = text_key(sides[said]) if said in sides else said
        self._add(ballot.key, vote, ballot.origin)

    def undo(self) -> str | None:
        """Takes the newest vote that stands back; gives its key, None without any."""
        if not self._history:
            return None
        key = self._history[-1]
        self._add(key, None, "")
        return key

    def _add(self, key: str, vote: str | None, origin: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._kept.add({"key": key, "vote": vote, "origin": origin, "at": at})
        self._note(key, vote)

    def _note(self, key: str, vote: str | None) -> None:
        if key in self._history:
            self._history.remove(key)
        self.standing.pop(key, None)
        if vote is not None:
            self.standing[key] = vote
            self._history.append(key)


def ballots(compared: Compared, voter: str, *, seed: int = 0) -> list[Ballot]:
    """Every choice between two different answers, in an order that tells nothing.

    Each example comes up once before any comes up again with two other models, so that whoever
    stops early has seen many; sides are drawn for each.

    Args:
        compared: models' answers.
        voter: each has an order of their own.
        seed: of the draws.
    """
    digest = hashlib.sha256(f"{seed}\n{voter}".encode()).digest()
    draw = random.Random(int.from_bytes(digest[:8]))
    rounds: list[list[Ballot]] = []
    for example in compared.examples:
        found = {ballot.key: ballot for ballot in _of_example(compared, example, draw)}
        mixed = list(found.values())
        draw.shuffle(mixed)
        for number, ballot in enumerate(mixed):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(ballot)
    for one in rounds:
        draw.shuffle(one)
    return [ballot for one in rounds for ballot in one]


def votes_cast(compared: Compared) -> list[Cast]:
    """All votes of all voters that hold for the answers that are there now; skips left out.

    Args:
        compared: models' answers.

    Raises:
        RunError: a file of votes is broken.
    """
    return [
        cast
        for voter, standing in books(compared.folder).items()
        for cast in _of_voter(compared, voter, standing)
    ]


def books(folder: Path) -> dict[str, Mapping[str, str]]:
    """What stands in every voter's file, by the voter's name."""
    files = sorted((folder / FOLDER).glob("*.jsonl"))
    return {file.stem: VoteBook(folder, file.stem).standing for file in files}


def _of_voter(compared: Compared, voter: str, standing: Mapping[str, str]) -> Iterator[Cast]:
    """Each choice counts once, however many examples ask the same and are answered the same."""
    for one, other in compared.pairs:
        counted: set[str] = set()
        for example in compared.examples:
            texts = example.answers[one], example.answers[other]
            key = example.key(one, other)
            vote = standing.get(key)
            if texts[0] == texts[1] or vote is None or vote == "skip" or key in counted:
                continue
            counted.add(key)
            names: dict[str, Winner] = {text_key(texts[0]): "one", text_key(texts[1]): "other"}
            winner = names.get(vote, "tie")
            yield Cast(voter, example.number, example.cluster, one, other, winner, vote == "bad")


def _of_example(
    compared: Compared, example: AnsweredExample, draw: random.Random
) -> Iterator[Ballot]:
    for one, other in compared.pairs:
        sides = [one, other]
        if example.answers[one] != example.answers[other]:
            draw.shuffle(sides)
            left, right = (example.answers[name] for name in sides)
            cut = {
                side
                for side, name in zip(("left", "right"), sides, strict=True)
                if name in example.cut
            }
            key = example.key(one, other)
            yield Ballot(key, example.origin, example.prompt, left, right, frozenset(cut))


def _key_in(entry: Mapping[str, object], path: Path) -> str:
    key = entry.get("key")
    if not isinstance(key, str):
        raise RunError(f"{path}: a line names no choice. Take it out.")
    return key
