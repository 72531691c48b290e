"""LLaMA-Factory's ids: each text of a template encoded alone, with the tokenizer's own library."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Message, ToolCall
from tunesmith.templates import TEMPLATES
from tunesmith.templates.render import render
from tunesmith.templates.tokenizer import Tokenizer

NAMES = [name for name in TEMPLATES.entries if name.startswith("llamafactory/")]
Q1, A1, Q2, A2 = "Grüße, 你好  🙂?", "It's\nfine.", " And you", "我很好 "
SYSTEM = "Be kind."
B, E = "{bos}", "{eos}"
Texts = list[tuple[str, bool]]
"""What is encoded alone, in order, and whether it is learnt."""

ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n"
)
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions."
)
QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
CHINESE = "You are a helpful assistant. 你是一个乐于助人的助手。"


def turns(user: Callable[[str], list[str]], assistant: Callable[[str], list[str]]) -> Texts:
    """Two rounds of a request and an answer."""
    found: Texts = []
    for asked, said in ((Q1, A1), (Q2, A2)):
        found += [(text, False) for text in user(asked)]
        found += [(text, True) for text in assistant(said)]
    return found


def expected(name: str, system: str) -> Texts:
    """The row of texts that the table of LLaMA-Factory's templates gives for a conversation."""
    ended: Callable[[str], list[str]] = lambda a: [a, E]  # noqa: E731
    match name.removeprefix("llamafactory/"):
        case "default":
            lead = [f"System: {system}", E, "\n"] if system else []
            body = turns(lambda q: [f"Human: {q}", E, "\nAssistant:"], lambda a: [a, E, "\n"])
        case "alpaca":
            lead = [system or ALPACA]
            body = turns(
                lambda q: [f"### Instruction:\n{q}\n\n### Response:\n"], lambda a: [a, E, "\n\n"]
            )
        case "llama2" | "llama2_zh" as short:
            said = system or (CHINESE if short == "llama2_zh" else "")
            lead = []
            body = turns(lambda q: [B, f"[INST] {q} [/INST]"], ended)
            if said:
                body[1] = (f"[INST] <<SYS>>\n{said}\n<</SYS>>\n\n{Q1} [/INST]", False)
        case "llama3":
            header = "<|start_header_id|>%s<|end_header_id|>\n\n"
            lead = [B] + ([header % "system" + f"{system}<|eot_id|>"] if system else [])
            asks = "<|eot_id|>" + header % "assistant"
            body = turns(lambda q: [header % "user" + q + asks], lambda a: [f"{a}<|eot_id|>"])
        case "chatml" | "qwen" as short:
            said = system or (QWEN if short == "qwen" else "")
            lead = [f"<|im_start|>system\n{said}<|im_end|>\n"] if said else []
            asks = "<|im_end|>\n<|im_start|>assistant\n"
            body = turns(lambda q: [f"<|im_start|>user\n{q}{asks}"], lambda a: [f"{a}<|im_end|>\n"])
        case "mistral":
            lead = [B]
            body = turns(lambda q: [f"[INST] {q}[/INST]"], lambda a: [f" {a}", E])
            if system:
                body[0] = (f"[INST] {system}\n\n{Q1}[/INST]", False)
        case "vicuna":
            lead = [system or VICUNA]
            body = turns(lambda q: [f"USER: {q} ASSISTANT:"], ended)
        case "zephyr":
            said = system or "You are Zephyr, a helpful assistant."
            lead = [f"<|system|>\n{said}", E]
            body = turns(lambda q: [f"<|user|>\n{q}", E, "<|assistant|>\n"], ended)
        case other:
            raise ValueError(f"no row for {other!r}")
    return [*((text, False) for text in lead), *body]


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


def conversation(system: str = "") -> Conversation:
    roles = ("user", "assistant", "user", "assistant")
    messages = [Message(r, t) for r, t in zip(roles, (Q1, A1, Q2, A2), strict=True)]
    lead = [Message("system", system)] if system else []
    return Conversation((*lead, *messages), "f:1")


@pytest.mark.parametrize("system", ["", SYSTEM], ids=["bare", "system"])
@pytest.mark.parametrize("kind", ["tiny", "llama-2", "llama-3"])
@pytest.mark.parametrize("name", NAMES)
def test_ids_and_targets_are_those_of_the_table(name, kind, system, tokenizer_of):
    if name.endswith(("chatml", "qwen")):
        kind += "+chatml"
    elif name.endswith("llama3"):
        kind = "llama-3"
    tokenizer = tokenizer_of(kind)
    ids, learnt = ids_of(expected(name, system), tokenizer)
    rendered = render(conversation(system), TEMPLATES.parse(name), tokenizer)
    assert rendered.input_ids.tolist() == ids
    assert rendered.supervised.tolist() == learnt


def test_every_name_loads_the_class_that_bears_it():
    assert len(NAMES) == 10
    for name in NAMES:
        assert TEMPLATES.parse(name).name == name
        assert TEMPLATES.load(name).__doc__


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


TOOLS = (
    '[{"name": "weather", "description": "Weather.", "parameters": {"type": "object", '
    '"properties": {"city": {"type": "string", "description": "Where."}, "unit": {"type": '
    '"string", "enum": ["c", "f"]}}, "required": ["city"]}}]'
)
CALL = ToolCall("weather", '{"city":"Oslo"}')
ONE_CALL = (
    Message("user", "Weather?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "4 °C"),
    Message("assistant", "Cold."),
)


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
