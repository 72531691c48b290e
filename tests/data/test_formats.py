from __future__ import annotations

import json

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message
from tunesmith.data.formats.alpaca import Alpaca
from tunesmith.data.formats.clean import clean_turn
from tunesmith.data.formats.columns import Columns
from tunesmith.data.formats.dialogsum import DialogSum
from tunesmith.data.formats.text import PlainText
from tunesmith.data.formats.tweetsumm import TweetSumm
from tunesmith.data.read import read_rows
from tunesmith.data.settings import Data

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


def test_columns_are_found_by_their_usual_names_or_named():
    usual = Columns().example({"prompt": "2 + 2 =", "completion": "4"}, "f:1")
    named = Columns(input_key="q", output_key="a").example({"q": "2 + 2 =", "a": "4"}, "f:1")
    assert (
        usual.messages == named.messages == (Message("user", "2 + 2 ="), Message("assistant", "4"))
    )


def test_columns_may_hold_messages():
    prompt, completion = (
        [{"role": "user", "content": "Hi"}],
        [{"role": "assistant", "content": "!"}],
    )
    conversation = Columns().example({"prompt": prompt, "completion": completion}, "f:1")
    assert conversation.messages == (Message("user", "Hi"), Message("assistant", "!"))


def test_chinese_columns_are_known():
    assert Columns.recognises({"问": "你好", "答": "好"})
    assert Columns().example({"问": "你好", "答": "好"}, "f:1").answer == "好"


def test_contents_are_kept_as_they_are_written():
    record = {"instruction": " Add.\n", "input": "\t1 1 ", "output": " 2\n\n"}
    request, answer = Alpaca().example(record, "f:1").messages
    assert (request.content, request.input, answer.content) == tuple(record.values())


def test_an_empty_instruction_with_an_input_is_that_input():
    record = {"instruction": "", "input": "Name a colour.", "output": "Red."}
    assert Alpaca().example(record, "f:1").messages[0] == Message("user", "Name a colour.")


def test_case_32_missing_and_differently_cased_keys_name_the_row_and_the_nearest_key(
    tmp_path, lines
):
    sound = {"instruction": "Add.", "input": "1 1", "output": "2", "history": [], "system": ""}
    for key, wrong in (
        ("output", "Output"), ("instruction", "instructions"), ("input", "Input"),
        ("history", "histroy"), ("system", "systems"),
    ):  # fmt: skip
        record = {wrong if k == key else k: v for k, v in sound.items()}
        with pytest.raises(DataError, match=rf"f:1: no '{key}'.*{key}_key='{wrong}'"):
            Alpaca().example(record, "f:1")
    extra = {**sound, "id": 7, "source": "x", "inputs": None}
    assert Alpaca().example(extra, "f:1") == Alpaca().example(sound, "f:1")
    file = lines(tmp_path / "a.jsonl", {"Instruction": "Add.", "Output": "2"})
    with pytest.raises(DataError, match=r"lower case it would be 'alpaca'"):
        list(read_rows(Data(path=str(file))))


def test_case_33_empty_blank_and_null_outputs_are_rejected_and_counted(tmp_path, lines):
    outputs = ["2", "", " \n\u3000", None, "3"]
    records = [{"instruction": "Add.", "input": "", "output": output} for output in outputs]
    file = lines(tmp_path / "a.jsonl", *records)
    fates = {row.origin: row.fate for row in read_rows(Data(path=str(file)))}
    assert fates == {
        f"{file}:{line}": "rejected" if line in (2, 3, 4) else "kept" for line in range(1, 6)
    }


@pytest.mark.parametrize(
    ("record", "dialogue"),
    [
        (
            {"inputs": "It leaks. <BR> Sorry. <LINK> <BR>", "summaries": "A leak."},
            "It leaks.\nSorry.",
        ),
        (
            {"dialog": "12: @Shop it leaks.\nNote: badly\nShop: Sorry.\n12: Ok\n", "summary": "x"},
            "user: it leaks. Note: badly\nagent: Sorry.\nuser: Ok",
        ),
    ],
)
def test_tables_of_tweetsumm_are_laid_out_as_turns(record, dialogue):
    assert TweetSumm.recognises(record)
    assert TweetSumm().example(record, "f:1").messages[0].input == dialogue


def test_tweetsumm_without_texts_says_so():
    record = {"conversation_id": "b", "tweet_ids_sentence_offset": [], "annotations": []}
    assert TweetSumm.recognises(record)
    with pytest.raises(DataError, match="f:1: .*numbers of tweets and not their text"):
        TweetSumm().example(record, "f:1")


def test_dialogsum_s_hub_copy_has_ids():
    record = {"id": "train_0", "dialogue": "A: hi", "summary": "They greet.", "topic": "x"}
    assert DialogSum.recognises(record)
    assert DialogSum().example(record, "f:1").group == "train_0"


def test_dialogsum_without_a_summary_says_so():
    with pytest.raises(DataError, match=r"f:1: no summary; .*data\.bad_rows=reject"):
        DialogSum().example({"fname": "test_0", "dialogue": "A: hi", "topic": "x"}, "f:1")


def test_empty_text_is_refused():
    with pytest.raises(DataError, match="f:1: 'text' is empty"):
        PlainText().example({"text": "  \n"}, "f:1")
