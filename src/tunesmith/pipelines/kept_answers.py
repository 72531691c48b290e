"""Kept answers: what a model answered to each example, on disk, so that nothing is asked twice.

Each line of a file is one answer with the key of what was asked. A file only grows: other examples,
settings or models of the same name find their own answers in it again, and nothing is taken out.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tunesmith.core.answers import Answer
from tunesmith.core.errors import RunError
from tunesmith.core.lines_kept import LinesKept
from tunesmith.evaluation.roads import Answered

PORTION = 256
"""Answers that are written at once: what a stop can cost at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A model's answers.

    Attributes:
        answered: one for each example.
        took_s: each one's share of the time in which it was made with others, loading apart; None:
            it took none, as a reply that lay in the cache.
        template: that the model was asked in; None: in none, or it is not known.
    """

    answered: list[Answered]
    took_s: list[float | None]
    template: str | None = None
    repeats: frozenset[int] = frozenset()
    """Places of examples whose answer is that of an earlier one that asks the same."""

    @property
    def seconds(self) -> float | None:
        """That the answers took together, each counted once; None where none took any."""
        known = [seconds for _, seconds in self._each_once() if seconds is not None]
        return sum(known) if known else None

    @property
    def is_all_timed(self) -> bool:
        """Whether ``seconds`` are those of all answers: none was a reply of the cache."""
        return all(seconds is not None for one, seconds in self._each_once() if not one.why)

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens that were written in a second, of the answers that took time.

        None where most took none: what is left of a call that broke off tells another speed.
        """
        written = [(one.n_tokens, s) for one, s in self._each_once() if one.n_tokens is not None]
        pairs = [(n, seconds) for n, seconds in written if seconds is not None]
        seconds = sum(seconds for _, seconds in pairs)
        if 2 * len(pairs) < len(written) or seconds <= 0:
            return None
        return sum(n for n, _ in pairs) / seconds

    def _each_once(self) -> list[tuple[Answered, float | None]]:
        """Answers with their seconds, without repeats."""
        both = zip(self.answered, self.took_s, strict=True)
        return [each for place, each in enumerate(both) if place not in self.repeats]


def key_of(parts: Iterable[Any]) -> str:
    """What identifies answers: model, examples and how they were asked, as JSON can tell them."""
    digest = hashlib.sha256()
    for part in parts:
        text = json.dumps(part, ensure_ascii=False, sort_keys=True, default=str)
        digest.update(text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def took_time(one: Answered) -> bool:
    """Whether a model worked on an answer for this call."""
    return one.latency_s is not None


def answered_or_kept(
    file: Path,
    keys: Sequence[str],
    answer: Callable[[Sequence[int]], Sequence[Answered]],
    *,
    takes_time: Callable[[Answered], bool] = took_time,
) -> Kept:
    """Answers from a file, and what is missing there from the model; the file then has them all.

    What is asked twice is answered once. Portions are written one after the other, so that a stop
    costs one of them. That something can never be answered is kept beside answers alone: where
    nothing at all is answered, more than the examples may be the matter.

    Args:
        file: JSON lines.
        keys: of each example, what is asked.
        answer: answers the examples at some places.
        takes_time: which answers share in the time of their portion.

    Raises:
        RunError: the file is broken, or cannot be written.
    """
    known = _read(file)
    missing: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key not in known:
            missing.setdefault(key, place)
    places = list(missing.values())
    if places:
        _tell_of_others(file)
    held: list[dict[str, Any]] = []
    is_answered = any(key in known and not known[key][0].why for key in keys)
    for start in range(0, len(places), PORTION):
        part = places[start : start + PORTION]
        began = time.perf_counter()
        portion = list(answer(part))
        shares = _shares(portion, time.perf_counter() - began, takes_time)
        for place, one, seconds in zip(part, portion, shares, strict=True):
            known[keys[place]] = one, seconds
            held.append({"key": keys[place], "answer": _fields(one), "seconds": seconds})
        is_answered = is_answered or any(not one.why for one in portion)
        if is_answered:
            _append(file, held)
            held = []
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    return Kept(
        [known[key][0] for key in keys],
        [known[key][1] for key in keys],
        repeats=frozenset(place for place, key in enumerate(keys) if first[key] != place),
    )


def is_kept(file: Path, keys: Sequence[str]) -> bool:
    """Whether all answers are there, so that the model need not be opened."""
    known = _read(file)
    return all(key in known for key in keys)


def _read(file: Path) -> dict[str, tuple[Answered, float | None]]:
    """Every answer of a file with its seconds, by its key."""
    known: dict[str, tuple[Answered, float | None]] = {}
    for entry in LinesKept(file).read():
        if "key" not in entry or "answer" not in entry:
            continue  # of the layout before this one
        try:
            known[entry["key"]] = _answered(entry["answer"]), entry["seconds"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"{file}: an answer in it cannot be read ({error!r}). Choose another folder with "
                "--out, or take the file away to have all asked again."
            ) from None
    return known


def _tell_of_others(file: Path) -> None:
    """Says that a file has answers whose questions are not known, before they are asked again."""
    n = sum("answer" in entry and "key" not in entry for entry in LinesKept(file).read())
    if n:
        print(
            f"{file}: {n:,} answers in it were kept by an earlier version, which did not write "
            "down what each was asked. They are left there, and what is missing is asked; replies "
            "of hosted models lie in the cache and cost nothing.",
            file=sys.stderr,
        )


def _append(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    LinesKept(file).add_all(entries)


def _shares(
    portion: Sequence[Answered], seconds: float, takes_time: Callable[[Answered], bool]
) -> list[float | None]:
    """Each answer's part of the time of its portion, by its tokens."""
    timed = [takes_time(one) for one in portion]
    weights = [
        (one.n_tokens or 0) if takes else 0 for one, takes in zip(portion, timed, strict=True)
    ]
    if not any(weights):
        weights = [int(takes) for takes in timed]
    total = max(1, sum(weights))
    return [
        seconds * weight / total if takes else None
        for weight, takes in zip(weights, timed, strict=True)
    ]


def _fields(one: Answered) -> dict[str, Any]:
    fields = asdict(one)
    kind = "classes" if isinstance(one.answer, tuple) else "plain"
    return {**fields, "kind": kind}


def _answered(fields: dict[str, Any]) -> Answered:
    fields = dict(fields)
    if fields.pop("kind") == "classes":  # which JSON has as a list
        answer: Answer = tuple(str(one) for one in fields.pop("answer"))
    else:
        answer = fields.pop("answer")
    weighed = tuple((str(name), float(p)) for name, p in fields.pop("weighed"))
    return Answered(answer, weighed=weighed, **fields)
