"""Closed book: asks the model that is to be tuned every question without its passage.

Rows that it misses are what the documents are for; those that it knows already count less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    asked: list[tuple[str, str, str]] = []
    """Key, reference answer and question of each row, in order."""

    def requests() -> Iterator[Request]:
        for row in rows:
            request = closed_book_request(row) if row.fate == "accepted" else None
            if request is not None:
                turn = row.draft.turns[0]
                asked.append((request.key(model.endpoint), turn.answer, turn.request))
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
                for key, reference, question in asked:
                    result = store.result(key)
                    if result is None or result.state != "done":
                        counts["not_answered"] += 1
                        continue
                    known = knows(result.value, reference, question)
                    counts["known" if known else "missed"] += 1
                    line = {"question": question, "known": known, "answer": result.value}
                    file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            draft.replace(folder / FOUND)
        except OSError as error:
            raise RunError(f"{folder / FOUND}: cannot be written ({error.strerror}).") from None
        finally:
            draft.unlink(missing_ok=True)
    return counts


def known_questions(folder: Path) -> Mapping[str, bool]:
    """Question -> whether the model knew the answer; nothing where it was not asked."""
    path = folder / FOUND
    if not path.exists():
        return {}
    found: list[Any] = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return {line["question"]: line["known"] for line in found}


def _as_it_is(leased: Leased, completion: Completion) -> Verdict:
    return Done(completion.text)
