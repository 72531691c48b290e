"""Closed book: asks the model that is to be tuned every question without its passage.

Rows that it misses are what the documents are for; those that it knows already count less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.request import Request
from tunesmith.chat.teacher import Teacher
from tunesmith.core.errors import RunError
from tunesmith.synthesize.ask_teacher import Progress
from tunesmith.synthesize.closed_book import closed_book_request, knows
from tunesmith.synthesize.estimate import Effort
from tunesmith.synthesize.row import Row
from tunesmith.synthesize.store import Leased, RequestStore
from tunesmith.synthesize.work_through import Done, Verdict, work_through

STORE, FOUND = "closed-book.sqlite", "closed-book.jsonl"


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """What was found of a row that was asked about."""

    question: str
    reference: str
    """The row's own answer, that the model's was compared with."""
    is_known: bool


def ask_closed_book(
    folder: Path, rows: Iterator[Row], model: Teacher, progress: Progress
) -> dict[str, int]:
    """Asks what accepted rows ask, and writes down which of them the model knows.

    Args:
        folder: of the build; answers are kept there, so that nothing is asked twice.
        rows: of the build.
        model: the one that is to be tuned.
        progress: is told.

    Returns:
        ``known`` and ``missed``, and ``not_answered`` for calls that failed.

    Raises:
        EndpointError: the model answers no more; what was answered is kept.
        RunError: the disk is full.
    """
    asked: list[tuple[str, Row]] = []
    """Key of the request and row, in order."""

    def requests() -> Iterator[Request]:
        for row in rows:
            request = closed_book_request(row) if row.fate == "accepted" else None
            if request is not None:
                asked.append((request.key(model.endpoint), row))
                yield request

    counts = {"known": 0, "missed": 0, "not_answered": 0}
    with RequestStore(folder / STORE, model.endpoint) as store:
        store.plan(requests())
        expected = Effort(len(asked))
        progress.begin("closed book", store.counts()["pending"], expected)
        work_through(store, model, _as_it_is, progress=progress.tell)
        draft = folder / f".{FOUND}.draft"
        try:
            with draft.open("wb") as file:
                file.write(_line({"learner": str(model.endpoint)}))
                for key, row in asked:
                    result = store.result(key)
                    if result is None or result.state != "done":
                        counts["not_answered"] += 1
                        continue
                    (turn,) = row.draft.turns
                    known = knows(result.value, turn.answer, turn.request)
                    counts["known" if known else "missed"] += 1
                    line = {"row": row.id, "question": turn.request, "reference": turn.answer}
                    file.write(_line({**line, "known": known, "answer": result.value}))
            draft.replace(folder / FOUND)
        except OSError as error:
            raise RunError(f"{folder / FOUND}: cannot be written ({error.strerror}).") from None
        finally:
            draft.unlink(missing_ok=True)
    return counts


def known_answers(folder: Path, learner: str | None) -> Mapping[str, KnownAnswer]:
    """What a learner was found to know, by row.

    Args:
        folder: of the build.
        learner: the model that the last build was to ask; of another one nothing is told.

    Raises:
        RunError: the file cannot be read.
    """
    path = folder / FOUND
    if learner is None or not path.exists():
        return {}
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
        head, *found = [orjson.loads(line) for line in lines] or [{}]
        if head.get("learner") != learner:
            return {}
        return {
            one["row"]: KnownAnswer(one["question"], one["reference"], one["known"])
            for one in found
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: cannot be read ({error}). Build the dataset again.") from None


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _as_it_is(leased: Leased, completion: Completion) -> Verdict:
    return Done(completion.text)
