"""Every answer of XQuAD and CMRC 2018 is found again from its own tokens."""

from __future__ import annotations

import pytest

from tunesmith.core.examples import SpanQuestion
from tunesmith.data.read import Row, read_rows
from tunesmith.data.settings import Data
from tunesmith.evaluation.metrics import METRICS
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.tasks.windows import place_in
from tunesmith.templates.tokenizer import Tokenizer

LLAMA_2, TINY_STORIES = "tokenizers/llama-2-hf", "models/stories260K-hf"


def found_again(folder, file, max_tokens):
    """Questions, the windows' own text for each answer, and how many no window holds whole."""
    tokenizer = Tokenizer.from_folder(folder)
    rows = read_rows(Data(path=str(file), bad_rows="reject"))
    asked = [r.example for r in rows if isinstance(r, Row) and r.example is not None]
    task = TASKS.parse("extractive-qa")
    found: list[tuple[SpanQuestion, str]] = []
    n_lost = 0
    for question, read in zip(
        asked, task.windows(asked, tokenizer, Limits(max_tokens)), strict=True
    ):
        [answer] = question.answers[:1]
        texts = set()
        for window in read.windows:
            place = place_in(window, answer)
            if place is not None:
                spans = window.spans[place[0] - window.first : place[1] - window.first + 1]
                texts.add(question.context[spans[0, 0] : spans[-1, 1]].strip())
        n_lost += not texts
        assert len(texts) <= 1  # the same in every window
        found += [(question, text) for text in texts]
    return found, n_lost


@pytest.mark.parametrize(
    ("model", "file", "n_questions", "n_lost", "n_wider"),
    [
        (LLAMA_2, "xquad.en", 632, 0, 6),
        (LLAMA_2, "xquad.zh", 632, 0, 1),
        (LLAMA_2, "cmrc2018_trial.squad", 1000, 15, 0),
        (TINY_STORIES, "xquad.en", 632, 0, 0),
        (TINY_STORIES, "xquad.zh", 632, 0, 0),
    ],
)
def test_gold_answers_come_back_whole(shared, model, file, n_questions, n_lost, n_wider):
    """Lost: longer than windows of 384 tokens overlap. Wider: its last token is punctuation too."""
    found, lost = found_again(shared / model, shared / "squad" / f"{file}.json", 384)
    assert (len(found) + lost, lost) == (n_questions, n_lost)
    wider = [(q.answers[0].text, text) for q, text in found if q.answers[0].text.strip() != text]
    assert len(wider) == n_wider
    assert all(text.startswith(gold) and not text[len(gold) :].isalnum() for gold, text in wider)
    scores = METRICS.parse("squad").score(
        [text for _, text in found], [[a.text for a in q.answers] for q, _ in found]
    )
    assert scores.values["exact_match"] == scores.values["f1"] == 1.0
