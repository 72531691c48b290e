"""Labels, plain text and self-instruct tasks."""

from __future__ import annotations

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Labelled, Message
from tunesmith.data.formats.labels import Labels
from tunesmith.data.formats.self_instruct import SelfInstruct
from tunesmith.data.formats.text import PlainText


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ({"text": "x", "label": "positive"}, "positive"),
        ({"text": "x", "label": 1}, "1"),
        ({"sentence": "x", "label": False}, "false"),
        ({"review": "x", "sentiment": "neg"}, "neg"),
        ({"content": "x", "category": "sport"}, "sport"),
        ({"comment": "x", "stars": 4.5}, 4.5),
        ({"text": "x", "labels": ["a", "b"]}, ("a", "b")),
        ({"text": "x", "labels": []}, ()),
    ],
)
def test_a_label_is_read_as_what_it_is(record, label):
    assert Labels.recognises(record)
    assert Labels().example(record, "f:1") == Labelled("x", label, "f:1")


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        ("number", "4.5", 4.5),
        ("number", 4, 4.0),
        ("class", 4.0, "4"),
        ("multi", "a, b", ("a", "b")),
        ("multi", '["a", "b"]', ("a", "b")),
        ("multi", "", ()),
        ("multi", 3, ("3",)),
    ],
)
def test_the_kind_of_label_can_be_said(kind, value, label):
    assert Labels(label_kind=kind).example({"text": "x", "label": value}, "f:1").label == label


@pytest.mark.parametrize("value", [1, "1", "positive", 1.0])
def test_numbers_of_classes_become_their_names(value):
    form = Labels(label_names=["negative", "positive"])
    assert form.example({"text": "x", "label": value}, "f:1").label == "positive"


@pytest.mark.parametrize(
    ("fields", "value", "reason"),
    [
        ({"label_names": ["negative", "positive"]}, "postive", "Did you mean 'positive'"),
        ({"label_names": ["negative", "positive"]}, 2, "label_names has 2, counted from 0"),
        ({"label_names": ["negative", "positive"]}, -1, "does not have"),
        ({"label_kind": "number"}, "many", "a number is needed"),
        ({"label_kind": "number"}, "nan", "a number is needed"),
        ({}, " ", "is empty"),
        ({}, None, "a class is a text or a whole number"),
        ({}, ["a", None], "a class is a text or a whole number"),
    ],
)
def test_a_label_that_is_none_says_why(fields, value, reason):
    with pytest.raises(DataError, match=f"f:1: 'label' .*{reason}"):
        Labels(**fields).example({"text": "x", "label": value}, "f:1")


TEXT = "One\nTwo \u2028 \x85 still two\r\n\r\nThree\n\n \nFour\n"


def test_a_text_is_one_document_or_one_for_each_line_or_paragraph():
    def parts(unit, origin="a.txt:1"):
        found = PlainText(unit=unit).examples({"text": TEXT}, origin)
        return [(document.origin, document.text) for document in found]

    assert parts("file") == [("a.txt:1", TEXT)]
    assert parts("line") == [
        ("a.txt:1", "One"),
        ("a.txt:2", "Two \u2028 \x85 still two"),
        ("a.txt:4", "Three"),
        ("a.txt:7", "Four"),
    ]
    assert parts("paragraph") == [
        ("a.txt:1", "One\nTwo \u2028 \x85 still two"),
        ("a.txt:4", "Three"),
        ("a.txt:7", "Four\n"),
    ]
    assert [origin for origin, _ in parts("paragraph", "a.jsonl:9")] == [
        "a.jsonl:9/1", "a.jsonl:9/4", "a.jsonl:9/7",
    ]  # fmt: skip


def test_a_blank_text_is_one_error_in_every_unit():
    for unit in ("file", "line", "paragraph"):
        [error] = PlainText(unit=unit).examples({"text": " \n"}, "a.txt:1")
        assert "a.txt:1: 'text' is empty" in str(error)


def test_a_task_gives_a_conversation_for_each_instance():
    instances = [{"input": "1 1", "output": "2"}, {"input": "", "output": " "}, {"output": "3"}]
    record = {"id": "seed_1", "instruction": "Add.", "instances": instances}
    assert SelfInstruct.recognises(record)
    first, second, third = SelfInstruct().examples(record, "f:4")
    assert first.messages == (Message("user", "Add.", "1 1"), Message("assistant", "2"))
    assert (first.origin, third.origin, first.group) == ("f:4", "f:4/3", "seed_1")
    assert str(second).startswith("f:4/2: 'output' is empty")
