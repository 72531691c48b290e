from __future__ import annotations

import pytest

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
SFT, TEMPLATE = TASKS.parse("sft"), TEMPLATES.parse("summarization")


def rows(*sizes: int) -> list[Conversation]:
    return [
        Conversation(
            (Message("user", "Sum up.", "leaks " * n), Message("assistant", "It leaks.")), f"f:{n}"
        )
        for n in sizes
    ]


def encode(examples, *limits, task=SFT):
    return task.encode(examples, TEMPLATE, TINY, Limits(*limits))


def test_cut_shortens_the_prompt_and_counts_what_is_gone():
    short, cut = encode(rows(1, 200), 100, "cut")
    assert (short.fate, cut.fate, cut.reason) == ("kept", "cut", "end of the prompt's material")
    assert cut.n_cut >= 100
    [row] = cut.rows
    assert len(row) <= 100
    assert TINY.decode(row.input_ids[row.supervised]) == "It leaks."


@pytest.mark.parametrize(("side", "left"), [("end", "first"), ("start", "last")])
def test_the_side_that_is_cut_can_be_chosen(side, left):
    text = "first " + "leaks " * 200 + "last"
    messages = (Message("user", "Sum up.", text), Message("assistant", "It leaks."))
    [cut] = encode([Conversation(messages, "f:1")], 60, "cut", side)
    shown = TINY.decode(cut.rows[0].input_ids)
    assert left in shown
    assert ("last" in shown) != ("first" in shown)


def test_all_requests_of_a_long_chat_are_shortened_until_it_fits():
    turns = [Message("user", "leaks " * 60), Message("assistant", "ok")] * 3
    [cut] = encode([Conversation(tuple(turns), "f:1")], 110, "cut")
    assert cut.fate == "cut"
    assert len(cut.rows[0]) <= 110
    assert TINY.decode(cut.rows[0].input_ids[cut.rows[0].supervised]).count("ok") == 3


def test_drop_leaves_out():
    kept, dropped = encode(rows(1, 200), 100, "drop")
    assert (kept.fate, dropped.fate, dropped.rows) == ("kept", "dropped", ())


def test_error_names_the_row_and_the_way_out():
    with pytest.raises(
        DataError, match=r"f:200: \d+ tokens, .* limit is 100. Raise data.max_tokens"
    ):
        encode(rows(1, 200), 100, "error")


def test_an_answer_that_would_be_cut_stops_unless_that_is_allowed():
    with pytest.raises(DataError, match=r"f:1: .*its answer would be cut.*data.cut_answers=true"):
        encode(rows(1), 30, "cut")
    [cut] = encode(rows(1), 30, "cut", "end", True)
    assert (cut.fate, cut.lacks_end, len(cut.rows[0])) == ("cut", True, 30)


def test_fault_21_nothing_to_learn_is_rejected():
    [outcome] = encode([Conversation((Message("user", "Hi"),), "f:1")], 100, "cut")
    assert (outcome.fate, outcome.rows) == ("rejected", ())
    assert outcome.reason.startswith("nothing to learn")


CHAT = Conversation(
    (
        Message("user", "One?"),
        Message("assistant", "First."),
        Message("user", "Two?"),
        Message("assistant", "Second."),
    ),
    "f:1",
)


@pytest.mark.parametrize(
    ("train_on", "learnt"), [("all", "First.Second."), ("last", "Second."), ("everything", None)]
)
def test_train_on_says_which_turns_are_learnt(train_on, learnt):
    task = TASKS.parse({"name": "sft", "train_on": train_on})
    [row] = encode([CHAT], 200, "cut", task=task)[0].rows
    shown = TINY.decode(row.input_ids[row.supervised])
    if learnt is None:
        assert row.supervised.tolist() == [False] + [True] * (len(row) - 1)
    else:
        assert shown.replace(" ", "").replace("\n", "") == learnt


def test_a_message_keeps_its_own_weight_and_the_prompt_gets_its_share():
    messages = list(CHAT.messages)
    messages[1] = Message("assistant", "First.", weight=0.0)
    messages[3] = Message("assistant", "Second.", weight=0.5)
    task = TASKS.parse({"name": "sft", "prompt_weight": 0.125})
    [row] = encode([Conversation(tuple(messages), "f:1")], 200, "cut", task=task)[0].rows
    assert set(row.weights.tolist()) == {0.0, 0.125, 0.5}
    assert TINY.decode(row.input_ids[row.weights == 0.5]) == "Second."
    assert "One?" in TINY.decode(row.input_ids[row.weights == 0.125])


@pytest.mark.parametrize(
    ("weight", "train_on", "fate"),
    [
        (0.0, "all", "kept"),
        (1.0, "all", "rejected"),
        (0.0, "everything", "rejected"),
        (1.0, "everything", "kept"),
    ],
)
def test_a_request_cannot_have_a_weight_that_the_task_does_not_give_it(weight, train_on, fate):
    messages = (Message("user", "Hi", weight=weight), Message("assistant", "Ho"))
    task = TASKS.parse({"name": "sft", "train_on": train_on})
    [outcome] = encode([Conversation(messages, "f:1")], 100, "cut", task=task)
    assert outcome.fate == fate
