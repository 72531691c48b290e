from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Message, ToolCall
from tunesmith.templates import TEMPLATES
from tunesmith.templates.placeholders import fitted
from tunesmith.templates.render import render
from tunesmith.templates.tokenizer import Tokenizer

CHAT = Conversation(
    (Message("system", "Be kind."), Message("user", "Hi </s>"), Message("assistant", "Hello.")),
    "f:1",
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def with_template(folder: Path, source: str | None) -> Tokenizer:
    shutil.copy(BUNDLED["tunesmith-tiny"] / "tokenizer.json", folder)
    config = json.loads((BUNDLED["tunesmith-tiny"] / "tokenizer_config.json").read_text())
    config["chat_template"] = source
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return Tokenizer.from_folder(folder)


META = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + m['content'] "
    "+ ' [/INST]' }}{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize("source", [ZEPHYR, META], ids=["zephyr", "meta"])
@pytest.mark.parametrize("kind", ["tiny", "llama-2"])
def test_the_ids_are_those_of_transformers(tmp_path, source, kind, request):
    transformers = pytest.importorskip("transformers")
    tokenizer = with_template(tmp_path, source)
    if kind == "llama-2":
        real = request.getfixturevalue("shared") / "tokenizers/llama-2-hf"
        content = json.loads((real / "tokenizer.json").read_text())
        for token in content["added_tokens"]:  # as later revisions of the published file have it
            token["normalized"] = False
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
        tokenizer = Tokenizer.from_folder(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    chat = Conversation(
        (
            Message("user", "Hi there"),
            Message("assistant", "Hello."),
            Message("user", "And\n you?"),
            Message("assistant", "Fine, 你好!"),
        ),
        "f:1",
    )
    messages = [{"role": m.role, "content": m.content} for m in chat.messages]
    expected = theirs.apply_chat_template(messages, tokenize=True, return_dict=False)
    assert render(chat, TEMPLATES.parse("native"), tokenizer).input_ids.tolist() == expected


def test_only_the_answer_and_its_end_are_learnt(tmp_path):
    tokenizer = with_template(tmp_path, ZEPHYR)
    rendered = render(CHAT, TEMPLATES.parse("native"), tokenizer)
    learnt = rendered.input_ids[rendered.supervised].tolist()
    assert tokenizer.decode(learnt, special=True, continues=True) == "Hello.</s>"


def test_no_template_at_all_is_said(tmp_path):
    with pytest.raises(TemplateError, match="no chat template of its own"):
        render(CHAT, TEMPLATES.parse("native"), with_template(tmp_path, None))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% for m in messages %}{{ m['content'] + '\n' }}{% endfor %}", "writes no end token"),
        (
            "{% for m in messages %}{{ m['content'] | upper + eos_token }}{% endfor %}",
            "changes the text of messages",
        ),
        (
            "{% if add_generation_prompt %}{{ 'x' }}{% endif %}"
            "{% for m in messages %}{{ m['content'] + eos_token }}{% endfor %}",
            "writes a prompt differently",
        ),
        ("{{ raise_exception('no system text') }}", "refuses the conversation: no system text"),
        ("{% for %}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", "cannot be rendered"),
    ],
)
def test_a_template_that_leaves_doubt_is_refused(tmp_path, source, reason):
    with pytest.raises(TemplateError, match=reason):
        render(CHAT, TEMPLATES.parse("native"), with_template(tmp_path, source))


CALLING = (
    Message("user", "Weather?"),
    Message("assistant", "I look.", tool_calls=(ToolCall("weather", '{"city": "Oslo"}'),)),
    Message("tool", "4"),
    Message("assistant", "Cold."),
)
TOOLS = '[{"type": "function", "function": {"name": "weather"}}]'


def laid_out(
    name: str, messages: tuple[Message, ...], tokenizer: Tokenizer, tools: str = ""
) -> str:
    pieces = TEMPLATES.parse(name).pieces(messages, tokenizer, tools)
    return "".join(piece.text for piece in pieces)


def test_a_text_that_the_template_leaves_out_is_named(tokenizer_of):
    tokenizer = tokenizer_of("llama-3+llama-3.1.jinja")
    with pytest.raises(TemplateError, match="leaves out a text of message 2, the assistant's"):
        laid_out("native", CALLING, tokenizer)


def test_two_calls_at_once_are_refused_in_the_templates_own_words(tokenizer_of):
    call = ToolCall("weather", "{}")
    messages = (CALLING[0], Message("assistant", "", tool_calls=(call, call)))
    with pytest.raises(TemplateError, match="refuses the conversation: one call a turn"):
        laid_out("native", messages, tokenizer_of("llama-3+llama-3.1.jinja"))


@pytest.mark.parametrize(
    ("messages", "tools", "reason"),
    [
        (CALLING, "", "leaves out the calls of message 2"),
        (CALLING[:1], TOOLS, "no place for tools"),
    ],
)
def test_a_template_that_knows_no_tools_is_refused_them(messages, tools, reason, tmp_path):
    with pytest.raises(TemplateError, match=reason):
        laid_out("native", messages, with_template(tmp_path, ZEPHYR), tools)


def test_tools_that_move_to_the_last_request_are_refused_with_the_place(tokenizer_of):
    """Mistral's: the first answer was asked for with tools that now stand elsewhere."""
    twice = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    tokenizer = tokenizer_of("llama-3+mistral+mistral-v3.jinja")
    assert laid_out("native", twice, tokenizer)
    with pytest.raises(TemplateError, match=r"differently once the answer \(message 2\)"):
        laid_out("native", twice, tokenizer, TOOLS)


def test_what_looks_like_pythons_way_of_writing_is_no_reason_for_text(tokenizer_of):
    tokenizer = tokenizer_of("tiny+chatml+qwen-2.5.jinja")
    asked = Message("user", "{'city': 'Oslo'}")
    assert '"arguments": {"city": "Oslo"}' in laid_out("native", (asked, *CALLING[1:]), tokenizer)


def test_the_marks_themselves_are_text_like_any_other(tokenizer_of):
    messages = (Message("user", "\ue0001\ue001"), Message("assistant", "\ue0000\ue001"))
    text = laid_out("native", messages, tokenizer_of("tiny"))
    assert text == "<s>### user:\n\ue0001\ue001\n\n### assistant:\n\ue0000\ue001</s>"


@given(
    texts=st.lists(st.text(max_size=6), min_size=1, max_size=6),
    words=st.lists(st.text("ab \n", max_size=2), min_size=7, max_size=7),
    forms=st.lists(st.sampled_from(["as it is", "stripped", "escaped"]), min_size=6, max_size=6),
)
def test_the_real_text_is_found_again_between_the_templates_words(texts, words, forms):
    shapes = {
        "as it is": lambda t: t,
        "stripped": str.strip,
        "escaped": lambda t: json.dumps(t, ensure_ascii=False)[1:-1],
    }
    written = [shapes[form](text) for form, text in zip(forms, texts, strict=False)]
    laid_out = words[0] + "".join(f"\ue000{i}\ue001{words[i + 1]}" for i in range(len(texts)))
    real = words[0] + "".join(text + words[i + 1] for i, text in enumerate(written))
    found = fitted(laid_out, texts, real)
    assert found is not None
    assert words[0] + "".join(text + words[i + 1] for i, text in enumerate(found)) == real
    assert fitted(laid_out, texts, real + "!") is None
