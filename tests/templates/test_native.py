from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Message
from tunesmith.templates import TEMPLATES
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
