"""Our reading of chat templates against transformers' own, on the formats of five families."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as FastTokenizer

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.examples import Message, ToolCall
from tunesmith.templates import TEMPLATES
from tunesmith.templates.native import Native
from tunesmith.templates.tokenizer import Tokenizer

FORMATS = Path(__file__).parent.parent / "templates" / "chat_templates"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather in a <city>, with 'quotes' & \"more\" </s>.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "enum": ["Oslo", "東京"]}},
                "required": ["city"],
            },
        },
    }
]
PLAIN = (
    Message("user", " Hi <b> & </s> \n"),
    Message("assistant", "Hello 🙂."),
    Message("user", "{{ 7 * 7 }}"),
    Message("assistant", " Fine.\n"),
)
CALL = ToolCall("weather", '{"city": "東京 <x> \\"y\\"", "n": [1, 2.5, null, true]}', "abcdefghi")
CALLING = (
    Message("user", "Weather?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", '{"t": "4 °C </s>"}', tool_call_id="abcdefghi"),
    Message("assistant", "Cold."),
)
SYSTEM = Message("system", " Be kind. ")
CHATS = {
    "plain": (PLAIN, []),
    "system": ((SYSTEM, *PLAIN), []),
    "calling": (CALLING, TOOLS),
    "calling-system": ((SYSTEM, *CALLING), TOOLS),
}
FORMS = {
    "llama-3.1": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "qwen-2.5": ("<|im_start|>", "<|im_end|>"),
    "mistral-v3": ("[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]"),
    "zephyr": (),
    "gemma": ("<start_of_turn>", "<end_of_turn>"),
    "arguments-as-text": (),
}
"""Special tokens by format."""
HAS_NO = {"zephyr": ("calling",), "gemma": ("system", "calling"), "mistral-v3": ("system",)}


def folder_with(tmp_path: Path, source: str, tokens: tuple[str, ...] = ()) -> Path:
    """The bundled tokenizer with a chat template, and the special tokens that it writes."""
    fast = FastTokenizer.from_file(str(BUNDLED["tunesmith-tiny"] / "tokenizer.json"))
    fast.add_special_tokens([AddedToken(token, normalized=False) for token in tokens])
    fast.save(str(tmp_path / "tokenizer.json"))
    shutil.copy(BUNDLED["tunesmith-tiny"] / "tokenizer_config.json", tmp_path)
    (tmp_path / "chat_template.jinja").write_text(source)
    return tmp_path


def as_chat_api(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.loads(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def theirs(folder: Path, messages: tuple[Message, ...], tools: list[dict[str, Any]]) -> str:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    return tokenizer.apply_chat_template(
        [as_chat_api(message) for message in messages],
        tools=tools or None,
        tokenize=False,
        add_generation_prompt=messages[-1].role != "assistant",
    )


def ours(folder: Path, messages: tuple[Message, ...], tools: list[dict[str, Any]]) -> str:
    tokenizer = Tokenizer.from_folder(folder)
    written = json.dumps(tools) if tools else ""
    pieces = TEMPLATES.parse("native").pieces(messages, tokenizer, written)
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("form", FORMS)
def test_the_text_is_that_of_transformers(form, chat, tmp_path):
    if any(lacking in chat for lacking in HAS_NO.get(form, ())):
        pytest.skip(f"the format of {form} has no place for it")
    messages, tools = CHATS[chat]
    if form == "arguments-as-text" and tools:
        pytest.skip("transformers is given objects, which this one cannot write")
    folder = folder_with(tmp_path, (FORMATS / f"{form}.jinja").read_text(), FORMS[form])
    for stop in range(1 + (messages[0].role == "system"), len(messages) + 1):
        assert ours(folder, messages[:stop], tools) == theirs(folder, messages[:stop], tools)


def test_the_date_is_the_same_on_every_day(tmp_path):
    folder = folder_with(
        tmp_path,
        "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m.content + eos_token }}"
        "{% endfor %}",
    )
    assert ours(folder, PLAIN[:2], []).startswith("26 Jul 2024")
    pieces = Native(today=date(2020, 1, 2)).pieces(PLAIN[:2], Tokenizer.from_folder(folder))
    assert pieces[0].text.startswith("02 Jan 2020")
