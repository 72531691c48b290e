"""SQuAD: flat and nested records, and answers that are not where they are said to be."""

from __future__ import annotations

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Span, SpanQuestion
from tunesmith.data.formats.squad import Squad
from tunesmith.data.read import read_rows
from tunesmith.data.settings import Data

CONTEXT = "Rome lies on the Tiber. Rome is old."
FLAT = {
    "id": "q1",
    "title": "Rome",
    "context": CONTEXT,
    "question": "On which river?",
    "answers": {"text": ["the Tiber", "Tiber"], "answer_start": [13, 17]},
}
EMOJI = "👩‍👧 𫚭 lives in Köln, says 👩‍👧."


def answer(text: str, start: int, context: str = CONTEXT) -> SpanQuestion:
    record = {**FLAT, "context": context, "answers": [{"text": text, "answer_start": start}]}
    return Squad().example(record, "f:1")


def test_a_flat_record_is_a_question_with_its_spans():
    asked = Squad().example(FLAT, "f:1")
    assert asked.answers == (Span("the Tiber", 13), Span("Tiber", 17))
    assert (asked.id, asked.title, asked.group, asked.mended) == ("q1", "Rome", "Rome", "")


def test_without_a_title_questions_on_one_context_are_one_group():
    first, second = (
        Squad().example({**FLAT, "title": "", "question": q}, "f:1") for q in ("Who?", "Where?")
    )
    assert first.group == second.group != ""
    assert first.group != answer("x", 0, "x").group


@pytest.mark.parametrize(
    "record",
    [
        {**FLAT, "answers": {"text": [], "answer_start": []}},
        {**FLAT, "answers": [], "is_impossible": True},
        {**{k: v for k, v in FLAT.items() if k != "answers"}, "is_impossible": True},
    ],
)
def test_a_question_may_have_no_answer(record):
    assert Squad.recognises(record)
    assert Squad().example(record, "f:1").answers == ()


def test_case_37_answer_starts_are_mended_where_the_text_tells_the_place():
    for text, start, context, place, how in (
        ("the Tiber", 12, CONTEXT, 13, "occurs once"),
        ("the Tiber", -1, CONTEXT, 13, "occurs once"),
        ("old.", -4, CONTEXT, 32, "occurs once"),
        ("the Tiber", 10_000, CONTEXT, 13, "occurs once"),
        ("old", 32, CONTEXT, 32, ""),
        ("👩‍👧", 0, EMOJI, 0, ""),
        ("Köln", len(EMOJI[:15].encode("utf-16-le")) // 2, EMOJI, 15, "UTF-16 units"),
        ("Köln", len(EMOJI[:15].encode()), EMOJI, 15, "UTF-8 bytes"),
        ("👩‍👧", len(EMOJI[:26].encode("utf-16-le")) // 2, EMOJI, 26, "UTF-16 units"),
        ("👩‍👧", len(EMOJI[:26].encode()), EMOJI, 26, "UTF-8 bytes"),
    ):
        asked = answer(text, start, context)
        assert context[place : place + len(text)] == text, "the example itself is wrong"
        assert asked.answers == (Span(text, place),)
        assert how in asked.mended if how else asked.mended == ""


def test_case_37_an_answer_without_a_place_is_rejected():
    for text, start, context, reason in (
        ("Rome", 5, CONTEXT, "occurs several times"),
        ("the Rhine", 13, CONTEXT, "is not in the context"),
        ("aa", 7, "aaa", "occurs several times"),
        ("Köln", 3, "Köln, Köln", "occurs several times"),
    ):
        with pytest.raises(DataError, match=f"f:1: answer_start {start} .*{reason}"):
            answer(text, start, context)


def test_case_37_impossible_and_answered_contradict_each_other():
    for record, reason in (
        ({**FLAT, "is_impossible": True}, "has answers, and 'is_impossible' says True"),
        ({**FLAT, "answers": [], "is_impossible": False}, "has no answer"),
        ({**FLAT, "is_impossible": "no"}, "not true or false"),
    ):
        with pytest.raises(DataError, match=f"f:1: .*{reason}"):
            Squad().example(record, "f:1")


def test_case_37_every_mended_row_is_counted_with_its_place(tmp_path, lines):
    off = {**FLAT, "answers": [{"text": "the Tiber", "answer_start": 12}]}
    lost = {**FLAT, "answers": [{"text": "the Rhine", "answer_start": 12}]}
    file = lines(tmp_path / "q.jsonl", FLAT, off, lost)
    sound, mended, rejected = read_rows(Data(path=str(file)))
    assert [r.example.answers[0] for r in (sound, mended)] == [Span("the Tiber", 13)] * 2
    assert (sound.mended, bool(mended.mended), rejected.fate) == ("", True, "rejected")
    assert (mended.origin, rejected.origin) == (f"{file}:2", f"{file}:3")


def test_a_nested_file_gives_every_question_with_a_place_to_find_it():
    asked = {"question": "Where?", "answers": [{"text": "Tiber", "answer_start": 17}]}
    paragraph = {"context": CONTEXT, "qas": [{**asked, "id": "a"}, {**asked, "id": "b c"}]}
    broken = {"context": CONTEXT, "qas": "none"}
    article = {"title": "Rome", "paragraphs": [paragraph, broken]}
    items = list(Squad().examples({"version": "1.1", "data": [article, 3]}, "q.json:1"))
    assert [item.origin for item in items[:2]] == ["q.json:1/1/a", "q.json:1/1/#2"]
    assert [str(item).partition(": ")[0] for item in items[2:]] == ["q.json:1/2", "q.json:2"]
    assert [item.title for item in items[:2]] == ["Rome", "Rome"]
    of_article = list(Squad().examples(article, "q.jsonl:7"))
    assert of_article[0].origin == "q.jsonl:7/1/a"


@pytest.mark.parametrize(
    "record", [{"data": []}, {"paragraphs": []}, {"data": [{"paragraphs": []}]}]
)
def test_a_file_without_a_question_says_so(record):
    [error] = Squad().examples(record, "q.json:1")
    assert "holds no question" in str(error)


@pytest.mark.parametrize(
    "answers",
    [{"text": ["a"], "answer_start": []}, [{"text": "a"}], ["a"], 3, None,
     [{"text": "", "answer_start": 0}], [{"text": "Tiber", "answer_start": True}]],
)  # fmt: skip
def test_answers_that_are_none_are_refused(answers):
    with pytest.raises(DataError, match="f:1: 'answers' is no list of answers"):
        Squad().example({**FLAT, "answers": answers}, "f:1")
