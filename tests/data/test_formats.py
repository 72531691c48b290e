from __future__ import annotations

import json

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message
from tunesmith.data.formats.alpaca import Alpaca
from tunesmith.data.formats.clean import clean_turn
from tunesmith.data.formats.columns import Columns
from tunesmith.data.formats.dialogsum import DialogSum
from tunesmith.data.formats.messages import ChatMessages
from tunesmith.data.formats.text import PlainText
from tunesmith.data.formats.tweetsumm import TweetSumm

LOG = [
    {"user utterance": "@Shop my kettle leaks https://t.co/x", "system response": "Sorry! ^JK"},
    {"user utterance": "", "system response": "A new one &amp; a cup\n are on the way."},
]
SUMMARIES = {"summaries": {"abstractive_summaries": [None, ["It leaks.", "New one."], ["Second."]]}}


@pytest.mark.parametrize("info", [SUMMARIES, json.dumps(SUMMARIES)], ids=["dict", "string"])
def test_tweetsumm_cleans_the_turns_and_takes_the_first_summary(info):
    conversation = TweetSumm().example({"log": LOG, "original dialog info": info}, "f:1")
    request, answer = conversation.messages
    assert (
        request.input
        == "user: my kettle leaks\nagent: Sorry!\nagent: A new one & a cup are on the way."
    )
    assert answer == Message("assistant", "It leaks. New one.")
    assert conversation.references == ("Second.",)


def test_tweetsumm_takes_another_annotator_on_demand():
    record = {"log": LOG, "original dialog info": SUMMARIES}
    assert TweetSumm(annotator=1).example(record, "f:1").answer == "Second."
    with pytest.raises(DataError, match="f:1: no summary by annotator 2"):
        TweetSumm(annotator=2).example(record, "f:1")


def test_tweetsumm_without_a_summary_says_where_and_what_to_do():
    with pytest.raises(DataError, match=r"f:7: no summary under .*data\.bad_rows=reject"):
        TweetSumm().example({"log": LOG, "original dialog info": "{}"}, "f:7")


def test_clean_turn_takes_out_what_is_not_said():
    said = "@135060 Thank you &amp; bye!   ^JK https://t.co/x <LINK>"
    assert clean_turn(said) == "Thank you & bye!"


@pytest.mark.parametrize(
    ("record", "references"),
    [
        ({"dialogue": "A: hi", "summary": "They greet."}, ()),
        (
            {"dialogue": "A: hi", "summary1": "They greet.", "summary2": "x", "summary3": "y"},
            ("x", "y"),
        ),
    ],
)
def test_dialogsum_takes_one_or_three_summaries(record, references):
    conversation = DialogSum().example(record, "f:1")
    assert conversation.answer == "They greet."
    assert conversation.references == references
    assert conversation.messages[0].input == "A: hi"


def test_alpaca_keeps_instruction_and_input_apart():
    record = {"instruction": "Add.", "input": "1 1", "output": "2", "history": [["Hi", "Hello"]]}
    messages = Alpaca().example(record, "f:1").messages
    assert messages == (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Add.", "1 1"),
        Message("assistant", "2"),
    )


def test_a_key_in_another_case_is_suggested():
    with pytest.raises(DataError, match=r"no 'output'; .* Set data.format.output_key='Output'"):
        Alpaca().example({"instruction": "Add.", "Output": "2"}, "f:1")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "turn it is"),
        ([{"role": "user", "content": "a"}], "not the assistant's"),
        ([{"role": "robot", "content": "a"}], "'robot' is unknown"),
        ([{"role": "user", "content": " "}], "turn 1, by the user, is empty"),
    ],
)
def test_messages_out_of_order_are_refused_with_the_reason(messages, reason):
    with pytest.raises(DataError, match=rf"f:1: .*{reason}"):
        ChatMessages().example({"messages": messages}, "f:1")


def test_columns_are_found_by_their_usual_names_or_named():
    usual = Columns().example({"prompt": "2 + 2 =", "completion": "4"}, "f:1")
    named = Columns(input_key="q", output_key="a").example({"q": "2 + 2 =", "a": "4"}, "f:1")
    assert (
        usual.messages == named.messages == (Message("user", "2 + 2 ="), Message("assistant", "4"))
    )


def test_empty_text_is_refused():
    with pytest.raises(DataError, match="f:1: 'text' is empty"):
        PlainText().example({"text": "  \n"}, "f:1")
