"""Kept answers: what a model answered to each example, on disk, so that nothing is asked twice."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tunesmith.core.answers import Answer
from tunesmith.core.errors import RunError
from tunesmith.evaluation.roads import Answered

PORTION = 256
"""Answers that are written at once: what a stop can cost at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A model's answers.

    Attributes:
        answered: one for each example.
        seconds: that it took to make them, loading apart.
        template: that the model was asked in; None: in none, or it is not known.
    """

    answered: list[Answered]
    seconds: float
    template: str | None = None


def key_of(parts: Iterable[Any]) -> str:
    """What identifies answers: model, examples and how they were asked, as JSON can tell them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part, ensure_ascii=False, sort_keys=True, default=str).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def answered_or_kept(
    file: Path, key: str, n: int, answer: Callable[[slice], Sequence[Answered]]
) -> Kept:
    """Answers from a file, and what is missing there from the model; the file then has them all.

    Portions are written one after the other, so that a stop costs one of them; a torn last line is
    left out. The seconds are those of the processes that answered, and come out the same again.

    Args:
        file: JSON lines, the first of which names the key; of another key it is begun anew.
        key: identifies the answers.
        n: how many there are.
        answer: answers some of the examples.

    Raises:
        RunError: the file cannot be written.
    """
    found, seconds = _read(file, key)
    found = found[:n]
    _rewrite(file, key, found, seconds)
    for start in range(len(found), n, PORTION):
        began = time.perf_counter()
        portion = list(answer(slice(start, min(n, start + PORTION))))
        took = time.perf_counter() - began
        _append(file, [*({"answer": _fields(one)} for one in portion), {"seconds": took}])
        found += portion
        seconds += took
    return Kept(found, seconds)


def is_kept(file: Path, key: str, n: int) -> bool:
    """Whether all answers are there, so that the model need not be opened."""
    return len(_read(file, key)[0]) >= n


def _read(file: Path, key: str) -> tuple[list[Answered], float]:
    """Whole portions of a file of this key."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return [], 0.0
    whole, portion, seconds = list[Answered](), list[Answered](), 0.0
    for number, line in enumerate(text.split("\n")):
        try:
            entry = json.loads(line)
            if number == 0:
                if entry["key"] != key:
                    return [], 0.0
            elif "seconds" in entry:
                whole += portion
                seconds += entry["seconds"]
                portion = []
            else:
                portion.append(_answered(entry["answer"]))
        except (ValueError, KeyError, TypeError):
            break  # the rest was being written
    return whole, seconds


def _rewrite(file: Path, key: str, answered: Sequence[Answered], seconds: float) -> None:
    entries = [{"key": key}, *({"answer": _fields(one)} for one in answered)]
    if answered:
        entries.append({"seconds": seconds})
    draft = file.with_name(f".{file.name}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(_lines(entries), "utf-8")
        draft.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from None


def _append(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(_lines(entries))
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: Path, error: OSError) -> RunError:
    return RunError(
        f"{file}: cannot be written ({error.strerror}). Make room, or choose another folder with "
        "--out."
    )


def _lines(entries: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


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
