"""LLaMA-Factory's ids: each text of a template encoded alone, with the tokenizer's own library.

``llamafactory.json`` holds the texts that LLaMA-Factory 0.9.5 itself encodes, and which of them it
teaches; ``record_llamafactory.py`` wrote it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Message, ToolCall
from tunesmith.templates import TEMPLATES
from tunesmith.templates.llamafactory import ENTRIES, PREFIX
from tunesmith.templates.render import Learnt, render
from tunesmith.templates.tokenizer import Tokenizer

Texts = list[tuple[str, bool]]
"""What is encoded alone, in order, and whether it is learnt."""
RECORDED: dict[str, dict[str, Texts]] = json.loads(
    (Path(__file__).parent / "llamafactory.json").read_text("utf-8")
)
B, E = "{bos}", "{eos}"
SYSTEM = Message("system", "Be kind.")
TOOLS = (
    '[{"name": "weather", "description": "Weather.", "parameters": {"type": "object", '
    '"properties": {"city": {"type": "string", "description": "Where."}, "unit": {"type": '
    '"string", "enum": ["c", "f"]}}, "required": ["city"]}}]'
)
CALL = ToolCall("weather", '{"city":"Oslo"}')
ROUNDS = (
    Message("user", "Grüße, 你好  🙂?"),
    Message("assistant", "It's\nfine."),
    Message("user", " And you"),
    Message("assistant", "我很好 "),
)
THOUGHT = (
    Message("user", "1 + 1?"),
    Message("assistant", "<think>\nOne and one.\n</think>\n\n2"),
    Message("user", "2 + 2?"),
    Message("assistant", "<think>\nTwo and two.\n</think>\n\n4"),
)
ONE_CALL = (
    Message("user", "Weather?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "4 °C"),
    Message("assistant", "Cold."),
)
ALL, LAST = Learnt(), Learnt(train_on="last")
CASES: dict[str, tuple[Conversation, dict[str, Any], Learnt]] = {
    "bare": (Conversation(ROUNDS, "f:1"), {}, ALL),
    "system": (Conversation((SYSTEM, *ROUNDS), "f:1"), {}, ALL),
    "tools": (Conversation(ONE_CALL, "f:1", tools=TOOLS), {}, ALL),
    "system and tools": (Conversation((SYSTEM, *ONE_CALL), "f:1", tools=TOOLS), {}, ALL),
    "thoughts": (Conversation(THOUGHT, "f:1"), {}, ALL),
    "no thinking": (Conversation(THOUGHT, "f:1"), {"enable_thinking": False}, ALL),
    "no thinking, bare": (Conversation(ROUNDS, "f:1"), {"enable_thinking": False}, ALL),
    "last thought": (Conversation(THOUGHT, "f:1"), {"thoughts": "last"}, LAST),
    "last thought, bare": (Conversation(ROUNDS, "f:1"), {"thoughts": "last"}, LAST),
}
MARKS = {"llama3": "llama-3", "openchat-3.6": "llama-3"}
"""Templates made of the tokens of one tokenizer."""


def ids_of(texts: Texts, tokenizer: Tokenizer) -> tuple[list[int], list[bool]]:
    """Each text encoded alone by the library, which finds special tokens in it."""
    ids: list[int] = []
    learnt: list[bool] = []
    tokenizer.fast.encode_special_tokens = False
    try:
        for text, is_learnt in texts:
            named = {B: tokenizer.bos, E: tokenizer.eos}.get(text)
            new = (
                [tokenizer.fast.token_to_id(named)]
                if named
                else tokenizer.fast.encode(text, add_special_tokens=False).ids
            )
            ids += new
            learnt += [is_learnt] * len(new)
    finally:
        tokenizer.fast.encode_special_tokens = True
    return ids, learnt


@pytest.mark.parametrize("kind", ["tiny", "llama-2", "llama-3"])
@pytest.mark.parametrize("name", sorted(RECORDED))
def test_ids_and_targets_are_those_of_llama_factory(name, kind, tokenizer_of):
    tokenizer = tokenizer_of(f"{MARKS.get(name, kind)}+marks")
    for case, texts in RECORDED[name].items():
        conversation, settings, learnt = CASES[case]
        template = TEMPLATES.parse({"name": PREFIX + name, **settings})
        rendered = render(conversation, template, tokenizer, learnt)
        ids, is_learnt = ids_of(texts, tokenizer)
        assert rendered.input_ids.tolist() == ids, case
        assert rendered.supervised.tolist() == [False, *is_learnt[1:]], case


@pytest.mark.parametrize("kind", ["llama-2", "llama-3"])
@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_prompt_is_the_beginning_of_prompt_and_answer(name, kind, tokenizer_of):
    short = name.removeprefix(PREFIX)
    tokenizer = tokenizer_of(f"{MARKS.get(short, kind)}+marks")
    spaced = Conversation((*ROUNDS[:3], Message("assistant", "\n\n  so")), "f:1")
    conversations = [*(case[0] for case in CASES.values()), spaced]
    settings: list[dict[str, Any]] = [{}]
    if "thoughts" in TEMPLATES.load(name).model_fields:
        settings += [{"enable_thinking": False}, {"thoughts": "last"}, {"thoughts": "written"}]
    for conversation in conversations:
        for fields in settings:
            template = TEMPLATES.parse({"name": name, **fields})
            whole = render(conversation, template, tokenizer).input_ids.tolist()
            asked = replace(conversation, messages=conversation.messages[:-1])
            prompt = render(asked, template, tokenizer)
            assert prompt.input_ids.tolist() == whole[: len(prompt)]
            assert not prompt.supervised[-1]


def test_a_thought_in_any_form_is_taken_out_where_the_model_does_not_think(tokenizer_of):
    said = "<think>Hm.</think>2"
    asked = (Message("user", "1 + 1?"), Message("assistant", said))
    template = TEMPLATES.parse({"name": "llamafactory/qwen3", "enable_thinking": False})
    pieces = template.pieces(asked, tokenizer_of("tiny+chatml"))
    assert "".join(p.text for p in pieces).endswith("<think>\n\n</think>\n\n2<|im_end|>\n")


def test_thoughts_are_kept_as_written_where_they_are_preserved(tokenizer_of):
    template = TEMPLATES.parse({"name": "llamafactory/qwen3", "thoughts": "written"})
    messages = (*ROUNDS[:2], *THOUGHT[:2], *ROUNDS[2:])
    text = "".join(p.text for p in template.pieces(messages, tokenizer_of("tiny+chatml")))
    assert "assistant\nIt's\nfine." in text
    assert "<think>\nOne and one.\n</think>\n\n2" in text
    assert "<think>\n\n</think>\n\n我很好" in text


def test_every_template_was_compared():
    assert {PREFIX + name for name in RECORDED} == set(ENTRIES)
    assert len(ENTRIES) == 58


def test_llama2s_space_before_every_text_is_kept(tokenizer_of):
    """Meta's own code and LLaMA-Factory part here: spaces around the answer, or one before it."""
    tokenizer = tokenizer_of("llama-2")
    asked = Conversation((Message("user", "Hi"), Message("assistant", "Yes")), "f:1")
    theirs, metas = (
        render(asked, TEMPLATES.parse(name), tokenizer).input_ids.tolist()[-4:]
        for name in ("llamafactory/llama2", "llama2")
    )
    yes, space, eos = 3869, 29871, 2
    assert theirs[-2:] == [yes, eos]
    assert metas[-3:] == [yes, space, eos]


def test_an_input_joins_the_instruction_by_one_line_break(tokenizer_of):
    asked = (Message("user", "Sum up.", "A long text."),)
    pieces = TEMPLATES.parse("llamafactory/vicuna").pieces(asked, tokenizer_of("tiny"))
    assert pieces[-1].text == "USER: Sum up.\nA long text. ASSISTANT:"


def test_case_40_only_the_templates_own_words_are_special_tokens(tokenizer_of):
    tokenizer = tokenizer_of("llama-2+mistral")
    loud = Conversation((Message("user", "[INST] </s>"), Message("assistant", "[/INST]")), "f:1")
    ids = render(loud, TEMPLATES.parse("llamafactory/mistral"), tokenizer).input_ids.tolist()
    for token, count in (("[INST]", 1), ("[/INST]", 1), ("</s>", 1)):
        assert ids.count(tokenizer.id_of(token)) == count


def text_of(name: str, messages: tuple[Message, ...], tokenizer: Tokenizer) -> str:
    pieces = TEMPLATES.parse(name).pieces(messages, tokenizer, TOOLS)
    return "".join(piece.text for piece in pieces)


def test_tools_in_words(tokenizer_of):
    assert text_of("llamafactory/default", ONE_CALL, tokenizer_of("tiny")) == (
        "System: You have access to the following tools:\n"
        "> Tool Name: weather\nTool Description: Weather.\nTool Args:\n"
        "  - city (string, required): Where.\n  - unit (string): , should be one of [c, f]\n\n"
        "Use the following format if using a tool:\n```\n"
        "Action: tool name (one of [weather])\n"
        "Action Input: the input to the tool, in a JSON format representing the kwargs "
        '(e.g. ```{"input": "hello world", "num_beams": 5}```)\n```\n</s>\n'
        "Human: Weather?</s>\nAssistant:"
        'Action: weather\nAction Input: {"city": "Oslo"}</s>\n'
        "Human: 4 °C</s>\nAssistant:Cold.</s>\n"
    )


def test_mistrals_marks_of_tools_are_special_tokens_where_the_tokenizer_has_them(tokenizer_of):
    tokenizer = tokenizer_of("llama-2+mistral")
    pieces = TEMPLATES.parse("llamafactory/mistral").pieces(ONE_CALL, tokenizer, TOOLS)
    controls = [piece.text for piece in pieces if piece.kind == "control"]
    assert controls == [
        "<s>", "[INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[/INST]",
        "[TOOL_CALLS]", "</s>", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "</s>",
    ]  # fmt: skip
    learnt = [p.text for p in pieces if p.kind == "answer" or p.ends_answer]
    called = ' [{"name": "weather", "arguments": {"city": "Oslo"}}]'
    assert learnt == ["[TOOL_CALLS]", called, "</s>", " Cold.", "</s>"]


def test_several_results_make_one_turn(tokenizer_of):
    two = (*ONE_CALL[:2], Message("tool", "4"), Message("tool", "5"), ONE_CALL[3])
    text = text_of("llamafactory/qwen", two, tokenizer_of("tiny+chatml"))
    assert "<tool_response>\n4\n</tool_response>\n<tool_response>\n5\n</tool_response><" in text


@pytest.mark.parametrize("name", ["llamafactory/llama2", "llamafactory/mistral"])
def test_a_system_text_without_a_request_to_stand_in_is_refused(name, tokenizer_of):
    messages = (Message("system", "Be kind."), Message("assistant", "Hello."))
    with pytest.raises(TemplateError, match="the first turn is the assistant's"):
        TEMPLATES.parse(name).pieces(messages, tokenizer_of("tiny"))


def test_a_tool_without_properties_is_named(tokenizer_of):
    with pytest.raises(TemplateError, match="tool 'now' has no object of 'properties'"):
        TEMPLATES.parse("llamafactory/vicuna").pieces(
            ONE_CALL, tokenizer_of("tiny"), '[{"name": "now"}]'
        )
