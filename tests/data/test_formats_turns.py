"""Chat messages and ShareGPT: whose turn it is, what a turn says, and what it calls."""

from __future__ import annotations

import json

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message, ToolCall
from tunesmith.data import FORMATS
from tunesmith.data.formats.messages import ChatMessages
from tunesmith.data.formats.sharegpt import ShareGPT
from tunesmith.data.formats.write_turns import (
    IDS,
    INPUT,
    NAMES,
    REFERENCES,
    SPACING,
    WEIGHTS,
)

ASKED = {"role": "user", "content": "Rain in Rome?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "rain", "arguments": '{"in":"Rome"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "name": "rain", "content": "dry"}
ANSWER = {"role": "assistant", "content": "No."}


def chat(*turns, **fields):
    return ChatMessages().example({"messages": list(turns), **fields}, "f:1")


def shared(*turns, **fields):
    turns = [{"from": who, "value": said} for who, said in turns]
    return ShareGPT().example({"conversations": turns, **fields}, "f:1")


def test_a_call_its_result_and_the_answer_are_read():
    conversation = chat(ASKED, CALLING, RESULT, ANSWER, tools=[{"name": "rain"}])
    assert conversation.messages == (
        Message("user", "Rain in Rome?"),
        Message("assistant", "", tool_calls=(ToolCall("rain", '{"in":"Rome"}', "c1"),)),
        Message("tool", "dry", name="rain", tool_call_id="c1"),
        Message("assistant", "No."),
    )
    assert json.loads(conversation.tools) == [{"name": "rain"}]


@pytest.mark.parametrize(
    "calling",
    [
        {**CALLING, "tool_calls": [{"function": {"name": "rain", "arguments": {"in": "Rome"}}}]},
        {"role": "assistant", "function_call": {"name": "rain", "arguments": '{"in": "Rome"}'}},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_call", "value": '{"name": "rain", "arguments": {"in": "Rome"}}'}
            ],
        },
    ],
    ids=["arguments as an object", "the legacy key", "a part"],
)
def test_calls_are_read_in_each_of_their_forms(calling):
    _, turn, _, _ = chat(ASKED, calling, RESULT, ANSWER).messages
    assert turn == Message("assistant", "", tool_calls=(ToolCall("rain", '{"in": "Rome"}'),))


def test_several_results_may_follow_several_calls():
    both = {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    turns = (ASKED, both, RESULT, {**RESULT, "tool_call_id": "c2"}, ANSWER)
    assert [m.tool_call_id for m in chat(*turns).messages] == ["", "", "c1", "c2", ""]


def test_parts_are_one_text_with_the_reasoning_before_it():
    parts = [
        {"type": "reasoning", "value": "It is summer."},
        {"type": "text", "value": "No"},
        {"type": "text", "text": "."},
    ]
    answer = chat(ASKED, {"role": "assistant", "content": parts}).answer
    assert answer == "<think>\nIt is summer.\n</think>\n\nNo."


@pytest.mark.parametrize("kind", ["image_url", "audio", "video", "input_audio"])
def test_a_part_that_is_no_text_is_named(kind):
    asked = {"role": "user", "content": [{"type": kind, kind: {"url": "x"}}]}
    with pytest.raises(DataError, match=f"f:1: turn 1 has a part of type '{kind}'"):
        chat(asked, ANSWER)


def test_media_beside_the_turns_are_named():
    with pytest.raises(DataError, match="f:1: 'images' names media"):
        chat(ASKED, ANSWER, images=["a.jpg"])
    assert chat(ASKED, ANSWER, images=[]).answer == "No."


def test_weights_are_read_under_both_names():
    asked, answer = {**ASKED, "weight": 0}, {**ANSWER, "loss_weight": 0.5}
    assert [m.weight for m in chat(asked, answer).messages] == [0.0, 0.5]
    with pytest.raises(DataError, match="turn 2: 'weight' holds 'much'"):
        chat(ASKED, {**ANSWER, "weight": "much"})


def test_a_developer_is_the_system_and_a_function_is_a_tool():
    developer = {"role": "developer", "content": "Be brief."}
    turns = (developer, ASKED, CALLING, {**RESULT, "role": "function"}, ANSWER)
    roles = [m.role for m in chat(*turns).messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({**CALLING, "tool_calls": [{"function": {"name": "x", "arguments": "{"}}]}, "broken JSON"),
        ({**CALLING, "tool_calls": [{"function": {"name": "x", "arguments": [1]}}]}, "JSON object"),
        ({**CALLING, "tool_calls": [{"function": {}}]}, "a call names no function"),
        ({**ASKED, "tool_calls": [CALL]}, "the user's and holds calls"),
        ({"role": "user", "text": "Hi"}, "turn 1 .*says nothing: no 'content'"),
        ({"Role": "user", "content": "Hi"}, "no 'role'. Did you mean 'Role'"),
        ({"role": "usr", "content": "Hi"}, "role 'usr' is unknown. Did you mean 'user'"),
        ("Hi", "is str, and an object is needed"),
    ],
)
def test_a_turn_that_cannot_be_read_says_why(turn, reason):
    with pytest.raises(DataError, match=f"f:1: .*{reason}"):
        chat(turn, ANSWER)


def test_case_39_wrong_order_two_system_turns_and_empty_turns_are_errors_for_that_row():
    system = {"role": "system", "content": "Be brief."}
    for turns, reason in (
        ([ASKED, ASKED, ANSWER], "turn 2 is the user's, and the assistant's turn it is"),
        ([ASKED, ANSWER, ANSWER], "turn 3 is the assistant's, and the user's turn it is"),
        ([ANSWER], "turn 1 is the assistant's, and nobody has asked yet"),
        ([system, ANSWER], "nobody has asked yet"),
        ([system, system, ASKED, ANSWER], "turn 2 is a system text, and only one"),
        ([ASKED, ANSWER, system], "turn 3 is a system text"),
        ([ASKED, RESULT, ANSWER], "turn 2 is the tool's, and no call stands before it"),
        ([RESULT, ANSWER], "no call stands before it"),
        ([ASKED, CALLING, RESULT], "the last turn is the tool's, not the assistant's"),
        ([ASKED], "nothing to learn"),
        ([system], "nobody says anything"),
        ([ASKED, {"role": "assistant", "content": ""}], "turn 2, by the assistant, is empty"),
        ([{"role": "user", "content": " \n"}, ANSWER], "turn 1, by the user, is empty"),
        ([{"role": "system", "content": ""}, ASKED, ANSWER], "turn 1, by the system, is empty"),
        ([ASKED, {"role": "assistant", "content": None}], "turn 2, by the assistant, is empty"),
        ([], "no list of turns under 'messages'"),
    ):
        with pytest.raises(DataError, match=f"^f:1: .*{reason}"):
            chat(*turns)


def test_sharegpt_reads_a_call_and_its_result():
    conversation = shared(
        ("human", "Rain in Rome?"),
        ("function_call", '{"name": "rain", "arguments": {"in": "Rome"}}'),
        ("observation", "dry"),
        ("gpt", "No."),
        tools='[{"name":"rain"}]',
        system="Be brief.",
    )
    assert conversation.messages == (
        Message("system", "Be brief."),
        Message("user", "Rain in Rome?"),
        Message("assistant", "", tool_calls=(ToolCall("rain", '{"in": "Rome"}'),)),
        Message("tool", "dry"),
        Message("assistant", "No."),
    )
    assert conversation.tools == '[{"name":"rain"}]'


def test_sharegpt_reads_several_calls_behind_a_thought():
    calls = '<think>two</think>\n[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]'
    turn = shared(("human", "Hi"), ("function_call", calls)).messages[1]
    assert turn.content == "<think>two</think>\n"
    assert [call.name for call in turn.tool_calls] == ["a", "b"]


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": [{"from": "user", "value": "Hi"}, {"from": "bing", "value": "Hello!"}]},
        {"conversations": [{"role": "user", "content": "Hi"}, {**ANSWER, "content": "Hello!"}]},
        {"conversation": [{"human": "Hi", "assistant": "Hello!"}]},
        {"conversation": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
    ],
)
def test_sharegpt_is_read_in_each_of_its_forms(record):
    assert ShareGPT.recognises(record)
    messages = ShareGPT().example(record, "f:1").messages
    assert messages == (Message("user", "Hi"), Message("assistant", "Hello!"))


def test_a_system_turn_takes_the_place_of_the_system_field():
    turns = [("system", "In the turns."), ("human", "Hi"), ("gpt", "Hello!")]
    assert shared(*turns, system="Beside them.").messages[0].content == "In the turns."


def test_sharegpt_that_begins_with_the_model_is_an_error_for_that_row():
    with pytest.raises(DataError, match=r"f:1: turn 1 is the assistant's, and nobody has asked"):
        shared(("gpt", "Hello!"), ("human", "Hi"), ("gpt", "Hello!"))


def test_tags_of_one_s_own_are_named_by_roles():
    form = ShareGPT(
        role_key="who",
        content_key="text",
        messages_key="dialog",
        roles={"Q": "user", "A": "assistant", "CALL": "tool_call", "R": "tool"},
    )
    said = [("Q", "Hi"), ("CALL", '{"name": "a", "arguments": {}}'), ("R", "1"), ("A", "One.")]
    record = {"dialog": [{"who": who, "text": text} for who, text in said]}
    conversation = form.example(record, "f:1")
    assert [m.role for m in conversation.messages] == ["user", "assistant", "tool", "assistant"]
    assert form.record(conversation) == record


def test_the_name_function_call_always_means_a_call():
    form = ShareGPT(roles={"human": "user", "function_call": "assistant"})
    turns = [
        {"from": "human", "value": "Hi"},
        {"from": "function_call", "value": '{"name": "a", "arguments": {}}'},
    ]
    assert form.example({"conversations": turns}, "f:1").messages[1].tool_calls


def test_broken_tools_are_an_error_for_that_row():
    for tools, reason in (("[{", "broken JSON"), ("{}", "holds dict"), ({"a": 1}, "holds dict")):
        with pytest.raises(DataError, match=f"f:1: 'tools' holds.*{reason.split()[-1]}"):
            chat(ASKED, ANSWER, tools=tools)


@pytest.mark.parametrize("key", ["conversation_id", "dialogue_id", "group", "doc_id"])
def test_a_record_that_tells_its_document_has_it_as_its_group(key):
    assert chat(ASKED, ANSWER, **{key: 7}).group == "7"
    assert chat(ASKED, ANSWER, id="a").group == ""


def test_special_tokens_in_a_text_are_text():
    wild = "</s> [INST] <|eot_id|> \u2028 👩‍👧 "
    assert chat({"role": "user", "content": wild}, ANSWER).messages[0].content == wild


def test_nothing_is_lost_without_being_named():
    """Turns with everything on them: what the written record lacks is in the list."""
    messages = (
        Message("user", "Add.", "1 1", name="Ana", weight=0.0),
        Message("assistant", "", tool_calls=(ToolCall("add", '{"a":1}', "c1"),)),
        Message("tool", "2", tool_call_id="c1"),
        Message("assistant", "2"),
    )
    example = Conversation(messages, "f:1", references=("two",))
    assert set(ChatMessages().lost(example)) == {REFERENCES, INPUT}
    assert set(ShareGPT().lost(example)) == {REFERENCES, INPUT, NAMES, WEIGHTS, IDS, SPACING}


@pytest.mark.parametrize("name", ["sharegpt", "alpaca", "self-instruct", "dialogsum"])
def test_what_a_model_would_have_to_see_is_never_lost_in_silence(name):
    turn = Message("assistant", "Wait.", tool_calls=(ToolCall("add", "{}"),))
    with pytest.raises(DataError, match="f:7: .*no place for"):
        FORMATS.parse(name).record(Conversation((Message("user", "Add."), turn), "f:7"))
