"""Windows: a question with its context as rows of token ids that know their place in the context.

BOS  question  BOS  context tokens a to b
BOS  question  BOS        context tokens c to d, where c < b
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Span, SpanQuestion
from tunesmith.tasks.task import EncodedExample
from tunesmith.templates.shorten import Side
from tunesmith.templates.tokenizer import Tokenizer

LEAST_TOKENS = 8
"""The least a window must hold: two markers, some of the question, some of the context."""


@dataclass(frozen=True, slots=True)
class Window:
    """A question with a part of its context.

    Attributes:
        input_ids: [T] int32.
        first: where the context begins in them.
        spans: [T - first, 2] int32; from which to which character of the whole context each of its
            tokens goes, in code points.
    """

    input_ids: np.ndarray
    first: int
    spans: np.ndarray


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of one question; together they hold its whole context."""

    windows: tuple[Window, ...]
    n_question_tokens: int
    """Before anything was cut."""
    n_cut: int
    """Tokens of the question left out."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a window holds.

    Attributes:
        max_tokens: all of it.
        max_question_tokens: the question; never more than half of ``max_tokens``.
        overlap: context that a window shares with the one before it; never more than half of what
            it holds of the context.
        cut_from: the side of a longer question that is left out.
    """

    max_tokens: int
    max_question_tokens: int
    overlap: int
    cut_from: Side = "end"


def read_in_windows(
    questions: Sequence[SpanQuestion], tokenizer: Tokenizer, reach: Reach
) -> list[Windows]:
    """Lays questions out as pairs of texts, as transformers encodes them with Llama 2's tokenizer.

    Question and context are encoded apart, so the tokens of a context are the same in all its
    windows and for all its questions. A tokenizer without a BOS has its EOS in that place.

    Raises:
        DataError: a window would be too short for a question and a context.
    """
    if reach.max_tokens < LEAST_TOKENS:
        raise DataError(
            f"data.max_tokens={reach.max_tokens} is too short for a question with a part of its "
            f"context. Raise it to {LEAST_TOKENS} or more; 384 is usual."
        )
    contexts = dict.fromkeys(q.context for q in questions)
    asked = tokenizer.encode_many([(q.question, "nothing") for q in questions])
    encoded = dict(zip(contexts, tokenizer.encode_with_spans(list(contexts)), strict=True))
    marker = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else tokenizer.eos_id
    assert marker is not None
    mark = np.array([marker], np.int32)
    limit = min(reach.max_question_tokens, (reach.max_tokens - 2) // 2)
    found: list[Windows] = []
    for question, ids in zip(questions, asked, strict=True):
        cut = ids[:limit] if reach.cut_from == "end" else ids[max(0, len(ids) - limit) :]
        lead = np.concatenate([mark, cut, mark])
        windows = _windows(lead, *encoded[question.context], reach)
        found.append(Windows(windows, len(ids), len(ids) - len(cut)))
    return found


def _windows(
    lead: np.ndarray, ids: np.ndarray, spans: np.ndarray, reach: Reach
) -> tuple[Window, ...]:
    room = reach.max_tokens - len(lead)
    step = room - min(reach.overlap, room // 2)
    n_further = max(0, -(-(len(ids) - room) // step))
    return tuple(
        Window(np.concatenate([lead, ids[start : start + room]]), len(lead), spans[start:][:room])
        for start in range(0, (n_further + 1) * step, step)
    )


def place_in(window: Window, answer: Span) -> tuple[int, int] | None:
    """The first and the last token of an answer in a window; None: the window lacks part of it.

    Where several tokens spell one character, the first token of the answer's first character and
    the last one of its last are taken.
    """
    begin, end = answer.start, answer.start + len(answer.text)
    if not len(window.spans) or window.spans[0, 0] > begin or window.spans[-1, 1] < end:
        return None
    first = int(np.searchsorted(window.spans[:, 1], begin, side="right"))
    last = int(np.searchsorted(window.spans[:, 0], end, side="left")) - 1
    return window.first + first, window.first + last


def as_row(window: Window, origin: str) -> EncodedExample:
    """A window as a row without targets, its places as values: first token, then the spans."""
    places = (float(window.first), *window.spans.ravel().astype(float).tolist())
    weights = np.zeros(len(window.input_ids), np.float32)
    return EncodedExample(window.input_ids, weights, origin, places)


def as_window(row: EncodedExample) -> Window:
    """The window that :func:`as_row` made a row of."""
    first, *places = row.values
    return Window(row.input_ids, int(first), np.asarray(places, np.int32).reshape(-1, 2))
