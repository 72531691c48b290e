from __future__ import annotations

import pytest

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Span, SpanQuestion
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
TASK, TEMPLATE = TASKS.parse("extractive-qa"), TEMPLATES.parse("alpaca")
CONTEXT = "Ana rang on Monday. Her kettle leaks, so Bo sends a new one on Friday."


def ask(*answers: str, context: str = CONTEXT, question: str = "When?") -> SpanQuestion:
    spans = tuple(Span(text, context.index(text)) for text in answers)
    return SpanQuestion(question, context, spans, "f:1")


def encode(example, *limits, task=TASK):
    [outcome] = task.encode([example], TEMPLATE, TINY, Limits(*(limits or (128,))))
    return outcome


def test_the_first_of_several_answers_is_learnt():
    outcome = encode(ask("on Friday", "Friday"))
    [row] = outcome.rows
    assert outcome.fate == "kept"
    assert TINY.decode(row.input_ids[row.supervised]) == "on Friday"
    assert row.values == (
        float(row.supervised.nonzero()[0][0]),
        float(row.supervised.nonzero()[0][-1]),
    )
    assert row.labels == ("answer",)


def test_without_an_answer_the_first_token_is_the_target():
    [row] = encode(ask()).rows
    assert row.values == (0.0, 0.0)
    assert row.supervised.nonzero()[0].tolist() == [0]
    assert row.labels == ("no answer",)


def test_windows_without_the_answer_say_so_and_the_question_counts_once():
    context = " ".join(f"leak{n}" for n in range(60))
    outcome = encode(
        ask("leak3", context=context),
        64,
        task=TASKS.parse({"name": "extractive-qa", "doc_stride": 8}),
    )
    assert outcome.fate == "kept"
    assert len(outcome.rows) > 2
    assert outcome.rows[0].values != (0.0, 0.0)
    assert {row.values for row in outcome.rows[1:]} == {(0.0, 0.0)}
    assert {row.labels for row in outcome.rows} == {("answer",)}


def test_an_answer_that_no_window_holds_whole_is_dropped_and_never_taught_as_none():
    context = " ".join(f"leak{n}" for n in range(60))
    long_one = ask(context[100:400], context=context)
    outcome = encode(long_one, 64)
    assert (outcome.fate, outcome.rows) == ("dropped", ())
    assert outcome.reason == "answer longer than any window holds of it"
    with pytest.raises(
        DataError, match=r"f:1: no window holds the whole answer, 300 char.*doc_str"
    ):
        encode(long_one, 64, "error")


def test_a_cut_question_is_counted_dropped_or_stops_the_run():
    asked = ask("Friday", question="when " * 80)
    cut = encode(asked, 64, "cut")
    assert (cut.fate, cut.reason, cut.n_cut) == ("cut", "end of the question", 81 - 31)
    assert encode(asked, 64, "drop").fate == "dropped"
    with pytest.raises(DataError, match=r"f:1: the question has 81 tokens, and 31 fit. Raise"):
        encode(asked, 64, "error")


def test_no_answer_may_be_said_where_a_training_question_has_none():
    assert TASK.settled(["answer", "no answer"]).no_answer is True
    assert TASK.settled(["answer"]).no_answer is False
    fixed = TASKS.parse({"name": "extractive-qa", "no_answer": True})
    assert fixed.settled(["answer"]).no_answer is True


def test_a_chat_model_is_asked_with_question_and_context():
    [message] = TASK.ask(ask("Friday")).messages
    assert message.content.endswith("Question: When?")
    assert message.input == CONTEXT
    assert "unanswerable" not in message.content
    [message] = TASK.settled(["no answer"]).ask(ask()).messages
    assert "unanswerable" in message.content


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Friday", "Friday"),
        ("\n  On Friday.\nI hope that helps.", "On Friday"),
        ("“Friday”.", "Friday"),
        ("on Friday.", "on Friday."),
        ("Unanswerable.", ""),
        (" \n ", None),
        ("...", None),
    ],
)
def test_what_a_chat_model_says_is_read_as_an_answer(text, answer):
    assert TASK.read(text, ask("Friday")) == answer


def test_references_are_all_answers_or_an_empty_one():
    assert TASK.references(ask("on Friday", "Friday")) == ["on Friday", "Friday"]
    assert TASK.references(ask()) == [""]
