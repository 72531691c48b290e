from __future__ import annotations

import numpy as np
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
MAY_BE_NONE = TASKS.parse({"name": "extractive-qa", "no_answer": True})
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


def test_a_chat_model_is_asked_with_question_and_context():
    [message] = TASK.ask(ask("Friday")).messages
    assert message.content.endswith("Question: When?")
    assert message.input == CONTEXT
    assert "unanswerable" not in message.content
    [message] = MAY_BE_NONE.ask(ask()).messages
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


def test_a_question_without_its_answer_can_be_predicted():
    asked = TASK.unanswered({"question": "When?", "context": CONTEXT, "id": "1"}, "q.jsonl:1")
    assert asked == SpanQuestion("When?", CONTEXT, (), "q.jsonl:1")
    with pytest.raises(DataError, match=r"q.jsonl:1: no text under 'context'; .*question"):
        TASK.unanswered({"question": "When?"}, "q.jsonl:1")


def test_what_the_head_reads_is_what_was_learnt_from():
    asked = ask("Friday")
    [learnt] = encode(asked).rows
    [[read]] = [outcome.rows for outcome in TASK.inputs([asked], TINY, Limits(128))]
    assert read.input_ids.tolist() == learnt.input_ids.tolist()
    assert not read.supervised.any()


def test_outputs_at_the_answers_tokens_give_the_answer():
    asked = ask("on Friday")
    [learnt] = encode(asked).rows
    [outcome] = TASK.inputs([asked], TINY, Limits(128))
    logits = np.zeros((len(learnt), 2), np.float32)
    logits[int(learnt.values[0]), 0] = logits[int(learnt.values[1]), 1] = 5.0
    found = TASK.conclude(asked, outcome.rows, [logits])
    assert found.answer == "on Friday"
    assert found.weighed[0][0] == "on Friday"
    assert "" not in dict(found.weighed)
    logits[0] = 9.0
    assert MAY_BE_NONE.conclude(asked, outcome.rows, [logits]).answer == ""


def test_in_words_the_answer_is_written_behind_the_request():
    task = TASKS.parse("extractive-qa-in-words")
    for asked, said in ((ask("on Friday", "Friday"), "on Friday"), (ask(), "unanswerable")):
        [row] = encode(asked, 256, task=task).rows
        learnt = row.input_ids[row.supervised]
        assert TINY.decode(learnt) == said
        assert task.references(asked)[0] == task.read(said, asked)
        shown = TINY.decode(row.input_ids)
        assert CONTEXT in shown
        assert "Question: When?" in shown
