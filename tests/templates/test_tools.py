"""Tool calls in our own templates: what is written, and what is learnt of it."""

from __future__ import annotations

import json

import pytest

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message, ToolCall
from tunesmith.templates import TEMPLATES
from tunesmith.templates.tokenizer import Tokenizer

WEATHER = {"name": "weather", "description": "Weather in a city <now>."}
TOOLS = json.dumps([{"type": "function", "function": WEATHER}])
CALLS = (ToolCall("weather", '{"city":"Æ"}'), ToolCall("weather", "{}"))
CHAT = (
    Message("system", "Be kind."),
    Message("user", "Weather?"),
    Message("assistant", "I look.", tool_calls=CALLS),
    Message("tool", "4 °C"),
    Message("tool", "5 °C"),
    Message("assistant", "Cold."),
)
LISTED = '{"name": "weather", "description": "Weather in a city <now>."}'
OFFER = (
    f"You can call these tools:\n{LISTED}\nTo call one, write a line like this:\n"
    'Tool call: {"name": "NAME", "arguments": {"NAME": "VALUE"}}'
)
SAID = (
    'I look.\nTool call: {"name": "weather", "arguments": {"city": "Æ"}}\n'
    'Tool call: {"name": "weather", "arguments": {}}'
)


def written(name: str, tokenizer: Tokenizer, tools: str = TOOLS) -> tuple[str, list[str]]:
    """The whole text, and the stretches of it that are learnt."""
    runs: list[str] = []
    was_learnt = False
    pieces = TEMPLATES.parse(name).pieces(CHAT, tokenizer, tools)
    for piece in pieces:
        is_learnt = piece.kind == "answer" or piece.ends_answer
        if is_learnt:
            runs += [] if was_learnt else [""]
            runs[-1] += piece.text
        was_learnt = is_learnt
    return "".join(piece.text for piece in pieces), runs


def test_summarization_writes_calls_as_lines_and_results_as_blocks(tokenizer_of):
    assert written("summarization", tokenizer_of("tiny")) == (
        f"<s>Be kind.\n\n{OFFER}\n\n### Instruction: Weather?\n\n### Response:\n{SAID}</s>"
        "\n\n### Tool result:\n4 °C\n\n### Tool result:\n5 °C\n\n### Response:\nCold.</s>",
        [f"{SAID}</s>", "Cold.</s>"],
    )


def test_llama2_writes_the_tools_into_the_system_text(tokenizer_of):
    assert written("llama2", tokenizer_of("tiny")) == (
        f"<s>[INST] <<SYS>>\nBe kind.\n\n{OFFER}\n<</SYS>>\n\nWeather? [/INST] {SAID} </s>"
        "<s>[INST] Tool result: 4 °C\nTool result: 5 °C [/INST] Cold. </s>",
        [f" {SAID} </s>", " Cold. </s>"],
    )


def test_chatml_writes_hermes_tags(tokenizer_of):
    text, learnt = written("chatml", tokenizer_of("tiny+chatml"))
    assert f'<tools>\n{{"type": "function", "function": {LISTED}}}\n</tools>' in text
    assert text.startswith("<s><|im_start|>system\nBe kind.\n\n# Tools\n\n")
    assert (
        "<|im_start|>user\n<tool_response>\n4 °C\n</tool_response>\n"
        "<tool_response>\n5 °C\n</tool_response><|im_end|>\n" in text
    )
    assert learnt == [
        'I look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Æ"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call><|im_end|>',
        "Cold.<|im_end|>",
    ]


def test_llama3_writes_parameters_and_reads_results_from_ipython(tokenizer_of):
    text, learnt = written("llama3", tokenizer_of("llama-3"))
    assert "Environment: ipython\nCutting Knowledge Date: December 2023\n" in text
    assert text.count("<|start_header_id|>ipython<|end_header_id|>\n\n") == 2
    assert learnt == [
        'I look.\n{"name": "weather", "parameters": {"city": "Æ"}}; '
        '{"name": "weather", "parameters": {}}<|eot_id|>',
        "Cold.<|eot_id|>",
    ]


def test_without_tools_nothing_is_said_of_them(tokenizer_of):
    for name in ("alpaca", "llama2", "summarization"):
        assert "You can call" not in written(name, tokenizer_of("tiny"), tools="")[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [("{", "weather.* broken JSON"), ("[1]", "no JSON object"), ("3", "no JSON object")],
)
@pytest.mark.parametrize("name", ["alpaca", "native"])
def test_arguments_that_are_no_object_are_refused(name, arguments, reason, tokenizer_of):
    call = Message("assistant", "", tool_calls=(ToolCall("weather", arguments),))
    with pytest.raises(TemplateError, match=reason):
        TEMPLATES.parse(name).pieces((Message("user", "?"), call), tokenizer_of("tiny"))


@pytest.mark.parametrize("tools", ["{", '{"name": "weather"}', "[1]"])
def test_tools_that_are_no_list_of_objects_are_refused(tools, tokenizer_of):
    with pytest.raises(TemplateError, match="the list of tools is .*Write a JSON list"):
        TEMPLATES.parse("alpaca").pieces(CHAT, tokenizer_of("tiny"), tools)


@pytest.mark.parametrize("name", ["alpaca", "llama2", "native", "llamafactory/vicuna"])
def test_two_answers_in_a_row_are_refused(name, tokenizer_of):
    messages = (Message("user", "?"), Message("assistant", "a"), Message("assistant", "b"))
    with pytest.raises(TemplateError, match="messages 2 and 3 are both the assistant's"):
        TEMPLATES.parse(name).pieces(messages, tokenizer_of("tiny"))


def test_half_a_surrogate_pair_in_arguments_stays_an_escape(tokenizer_of):
    call = Message("assistant", "", tool_calls=(ToolCall("weather", '{"k": "\\ud800"}'),))
    pieces = TEMPLATES.parse("alpaca").pieces((Message("user", "?"), call), tokenizer_of("tiny"))
    assert '{"k": "\\ud800"}' in "".join(piece.text for piece in pieces)


def text_of(name: str, messages: tuple[Message, ...], tokenizer: Tokenizer, tools: str) -> str:
    pieces = TEMPLATES.parse(name).pieces(messages, tokenizer, tools)
    return "".join(piece.text for piece in pieces)


ONE_CALL = (*CHAT[:2], Message("assistant", "", tool_calls=CALLS[:1]), CHAT[3], CHAT[5])


def test_llama3_is_metas_format_but_for_quotes_around_a_result(tokenizer_of):
    tokenizer = tokenizer_of("llama-3+llama-3.1.jinja")
    metas = text_of("native", ONE_CALL, tokenizer, TOOLS)
    assert '"4 °C"' in metas
    assert text_of("llama3", ONE_CALL, tokenizer, TOOLS) == metas.replace('"4 °C"', "4 °C")


@pytest.mark.parametrize("tools", ["", TOOLS])
def test_chatml_with_a_system_text_is_qwens_format(tools, tokenizer_of):
    tokenizer = tokenizer_of("tiny+chatml+qwen-2.5.jinja")
    qwens = text_of("native", CHAT, tokenizer, tools)
    assert text_of("chatml", CHAT, tokenizer, tools) == f"<s>{qwens}"
