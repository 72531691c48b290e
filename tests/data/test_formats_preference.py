"""Preferences in pairs and alone, in each layout that people use."""

from __future__ import annotations

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message
from tunesmith.data import FORMATS
from tunesmith.data.formats.kto import Kto
from tunesmith.data.formats.preference import PreferencePairs
from tunesmith.data.read import read_rows
from tunesmith.data.settings import Data

HI = {"role": "user", "content": "Hi"}
HELLO = {"role": "assistant", "content": "Hello!"}
WHAT = {"role": "assistant", "content": "What?"}
LAYOUTS = {
    "sharegpt, turns": {
        "conversations": [{"from": "human", "value": "Hi"}],
        "chosen": {"from": "gpt", "value": "Hello!"},
        "rejected": {"from": "gpt", "value": "What?"},
    },
    "sharegpt, texts": {
        "conversations": [{"from": "human", "value": "Hi"}],
        "chosen": "Hello!",
        "rejected": "What?",
    },
    "alpaca": {"instruction": "Hi", "input": "", "chosen": "Hello!", "rejected": "What?"},
    "texts": {"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"},
    "messages": {"prompt": [HI], "chosen": [HELLO], "rejected": [WHAT]},
    "transcripts": {"chosen": [HI, HELLO], "rejected": [HI, WHAT]},
    "a text and transcripts": {"prompt": "Hi", "chosen": [HI, HELLO], "rejected": [HI, WHAT]},
    "two lists": {"chosen_messages": [HI, HELLO], "rejected_messages": [HI, WHAT]},
    "one text each": {
        "chosen": "\n\nHuman: Hi\n\nAssistant: Hello!",
        "rejected": "\n\nHuman: Hi\n\nAssistant: What?",
    },
    "a text prompt that is a transcript": {
        "prompt": "\n\nHuman: Hi\n\nAssistant:",
        "chosen": "Hello!",
        "rejected": "What?",
    },
}


@pytest.mark.parametrize("record", LAYOUTS.values(), ids=list(LAYOUTS))
def test_every_layout_gives_the_same_preference(record):
    assert next(n for n in FORMATS.entries if FORMATS.load(n).recognises(record)) == "preference"
    pair = PreferencePairs().example(record, "f:1")
    assert pair.messages == (Message("user", "Hi"),)
    assert pair.chosen == (Message("assistant", "Hello!"),)
    assert pair.rejected == (Message("assistant", "What?"),)


def test_what_two_transcripts_share_is_the_prompt():
    """They part in the user's second turn, so what follows begins with the answer before it."""
    chosen = [HI, HELLO, {"role": "user", "content": "Rain?"}, {**HELLO, "content": "No."}]
    rejected = [HI, HELLO, {"role": "user", "content": "Snow?"}, {**HELLO, "content": "Yes."}]
    pair = PreferencePairs().example({"chosen": chosen, "rejected": rejected}, "f:1")
    assert [m.content for m in pair.messages] == ["Hi"]
    assert [m.content for m in pair.chosen] == ["Hello!", "Rain?", "No."]
    assert [m.content for m in pair.rejected] == ["Hello!", "Snow?", "Yes."]


def test_weights_do_not_part_two_transcripts():
    chosen, rejected = [{**HI, "loss_weight": 0.0}, HELLO], [HI, {**WHAT, "loss_weight": 1.0}]
    pair = PreferencePairs().example({"chosen": chosen, "rejected": rejected}, "f:1")
    assert len(pair.messages) == 1
    assert pair.rejected[0].weight == 1.0


def test_alpaca_s_other_fields_are_in_the_prompt():
    record = {
        "system": "Be brief.", "history": [["a", "b"]], "instruction": "Add.", "input": "1 1",
        "chosen": "2", "rejected": "3",
    }  # fmt: skip
    assert PreferencePairs().example(record, "f:1").messages == (
        Message("system", "Be brief."),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "Add.", "1 1"),
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"chosen": "a", "rejected": "b"}, "no prompt; the record has"),
        ({"prompt": "x", "chosen": " ", "rejected": "b"}, "'chosen' is empty"),
        ({"prompt": "x", "chosen": "a", "rejected": None}, "'rejected' holds NoneType"),
        ({"prompt": "x", "chosen": "a"}, "no 'rejected'"),
        ({"prompt": [HI, HELLO], "chosen": "a", "rejected": "b"}, "prompt ends with the assist"),
        ({"chosen": [HI, HELLO], "rejected": [{**HI, "content": "x"}, WHAT]}, "the same request"),
        ({"prompt": "x", "chosen": [HI, HELLO], "rejected": [HI, WHAT]}, "record's prompt"),
        ({"prompt": [HI], "chosen": [HELLO, WHAT], "rejected": [WHAT]}, "turn 3 is the assist"),
    ],
)
def test_a_preference_that_cannot_be_read_says_why(record, reason):
    with pytest.raises(DataError, match=f"f:1: .*{reason}"):
        PreferencePairs().example(record, "f:1")


@pytest.mark.parametrize("layout", ["texts", "transcripts", "one text each", "sharegpt, turns"])
def test_case_38_chosen_that_equals_rejected_is_dropped_and_counted(tmp_path, lines, layout):
    sound = LAYOUTS[layout]
    key = "rejected_messages" if "rejected_messages" in sound else "rejected"
    same = {**sound, key: sound["chosen"]}
    file = lines(tmp_path / "pairs.jsonl", sound, same)
    kept, dropped = read_rows(Data(path=str(file)))
    assert (kept.fate, dropped.fate, dropped.origin) == ("kept", "dropped", f"{file}:2")
    assert "equals the rejected" in dropped.reason


def test_with_messages_key_pairs_are_written_as_sharegpt_ranks_them():
    record = LAYOUTS["sharegpt, turns"]
    form = PreferencePairs(messages_key="conversations", role_key="from", content_key="value")
    assert form.record(form.example(record, "f:1")) == record


@pytest.mark.parametrize("wanted", [True, "true", "True", 1, "1"])
@pytest.mark.parametrize(
    "record",
    [
        {"messages": [HI, HELLO]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
        {"prompt": "Hi", "completion": "Hello!"},
        {"prompt": [HI], "completion": [HELLO]},
    ],
)
def test_kto_reads_turns_or_a_prompt_with_its_completion(record, wanted):
    record = {**record, "label": wanted}
    assert next(n for n in FORMATS.entries if FORMATS.load(n).recognises(record)) == "kto"
    row = Kto().example(record, "f:1")
    assert row.messages == (Message("user", "Hi"), Message("assistant", "Hello!"))
    assert row.desirable is True


@pytest.mark.parametrize("unwanted", [False, "false", "FALSE", 0, "0"])
def test_kto_knows_an_answer_that_is_not_wanted(unwanted):
    assert Kto().example({"messages": [HI, WHAT], "label": unwanted}, "f:1").desirable is False


def test_kto_takes_alpaca_s_fields_with_a_tag():
    record = {"instruction": "Hi", "input": "", "output": "What?", "kto_tag": False}
    assert next(n for n in FORMATS.entries if FORMATS.load(n).recognises(record)) == "kto"
    assert Kto().example(record, "f:1").desirable is False


@pytest.mark.parametrize("label", ["good", 2, None, 0.5, [True]])
def test_a_label_that_is_neither_yes_nor_no_is_refused(label):
    with pytest.raises(DataError, match="f:1: 'label' is .*true or false is needed"):
        Kto().example({"messages": [HI, HELLO], "label": label}, "f:1")
