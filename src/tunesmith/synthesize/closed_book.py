"""Closed book: whether a model answers a question rightly without its passage.

A row that the model to be tuned knows already teaches it little; one that it misses is what the
documents are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.synthesize.ground import unsupported
from tunesmith.synthesize.row import Row

ROOM = 200
"""Tokens of an answer."""
ENOUGH = 0.5
"""Of the words that the reference answer has beyond its question."""
WORD = re.compile(r"[^\W\d_]{3,}|\d+")
WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def closed_book_request(row: Row) -> Request | None:
    """Asks a row's question alone; None for rows that are no question about facts."""
    if row.draft.kind != "qa" or row.draft.style == "unanswerable" or len(row.draft.turns) != 1:
        return None
    asked = {"role": "user", "content": row.draft.turns[0].request}
    return Request((asked,), Sampling(max_new_tokens=ROOM), tag=row.id)


def knows(answer: str, reference: str, question: str) -> bool:
    """Whether an answer says what the reference answer says.

    Every number and name of the reference has to be in it, and half of the words that the
    reference does not have from the question.

    Args:
        answer: of the model.
        reference: the answer that the passage bears out.
        question: words of it prove nothing.
    """
    if unsupported(reference, (answer,)):
        return False
    wanted = _words(reference) - _words(question)
    return not wanted or len(wanted & _words(answer)) >= ENOUGH * len(wanted)


def _words(text: str) -> set[str]:
    """Words, and pairs of characters where no spaces part words."""
    found = {word.casefold() for word in WORD.findall(WIDE.sub(" ", text))}
    return found | set(_pairs(WIDE.findall(text)))


def _pairs(stretches: Iterable[str]) -> Iterable[str]:
    for stretch in stretches:
        if len(stretch) == 1:
            yield stretch
        for place in range(len(stretch) - 1):
            yield stretch[place : place + 2]
