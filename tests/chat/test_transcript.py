from __future__ import annotations

import pytest

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.stop_texts import before_stop, ended, until_stop
from tunesmith.chat.transcript import transcript_of

ORDER = """Agent: I'm here to help you with your order.
Customer: I didn't get my item
Agent: I'm sorry to hear that. Which item was it?
Customer: the blanket
Agent:"""


def test_a_transcript_that_ends_with_a_name_is_that_speakers_turn():
    found = transcript_of(ORDER + " ")
    assert found is not None and found.speaker == "Agent" and found.others == ["Customer"]
    assert found.text == ORDER  # no white space behind the colon: it would be a token of its own
    assert found.turns[-1] == ("Customer", "the blanket")


def test_without_a_name_at_its_end_the_other_of_two_is_next():
    found = transcript_of(ORDER.removesuffix("\nAgent:"))
    assert found is not None and (found.speaker, found.text) == ("Agent", ORDER)


@pytest.mark.parametrize(
    "text",
    [
        "Tell me how to train my dog to sit",
        "Summarise:\nthe meeting was at 9:30",
        "Note: be brief.\nWrite a poem about rain",
        "https://example.org/a\nhttps://example.org/b\nCustomer:",
        "Customer: hello",
        "One: a\nTwo: b",
        "Once upon a time there lived: a king\nand a queen: she\nQ:",
    ],
)
def test_other_texts_are_none(text):
    assert transcript_of(text) is None


def test_as_turns_of_a_chat_it_begins_with_the_user_and_ends_with_the_user():
    found = transcript_of(ORDER)
    assert found is not None
    messages = found.conversation("here").messages
    assert [message.role for message in messages] == ["user", "assistant", "user"]
    assert messages[0].content.split("\n") == [
        "Agent: I'm here to help you with your order.",
        "Customer: I didn't get my item",
    ]
    assert messages[2].content == "the blanket"


def test_of_several_others_the_names_stay():
    found = transcript_of("Bo: hello\nCy: good\nday\nAna:")
    assert found is not None
    assert found.conversation("here").messages[-1].content == "Bo: hello\nCy: good\nday"


@pytest.mark.parametrize(
    ("said", "turn"),
    [
        ("Agent: Sorry.", "Sorry."),
        ("**Agent:** Sorry.", "Sorry."),
        ("Customer: thanks", ""),
        ("Sorry.", "Sorry."),
    ],
)
def test_a_turn_has_no_name_before_it_and_is_nobody_elses(said, turn):
    found = transcript_of(ORDER)
    assert found is not None and found.turn(said) == turn


@pytest.mark.parametrize(
    "behind", ["\nCustomer: ok", " Customer: ok", "\n**Customer:** ok", "\nAgent: and"]
)
def test_any_further_turn_is_a_stop_text(behind):
    found = transcript_of(ORDER)
    assert found is not None
    assert before_stop(f"We look into it.{behind}", found.stops)[0].strip() == "We look into it."


def pieces_of(text, size):
    for start in range(0, len(text), size):
        yield text[start : start + size]
    return Completion(text, "length", 3, 9)


@pytest.mark.parametrize("size", [1, 2, 5, 40])
@pytest.mark.parametrize("text", ["We do. \nStop: x", "We do.", "Stop it", "a\n\n", "\nStop:"])
def test_pieces_up_to_a_stop_text_join_to_the_answer(text, size):
    stops = ("\nStop:", "Never")
    stream, given = until_stop(pieces_of(text, size), stops), ""
    while True:
        try:
            given += next(stream)
        except StopIteration as end:
            whole = end.value
            break
    assert whole == ended(Completion(text, "length", 3, 9), stops)
    assert given == whole.text
    assert whole.finish_reason == ("stop" if "\nStop:" in text else "length")
