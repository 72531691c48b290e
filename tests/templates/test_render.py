from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import ModelError, TemplateError
from tunesmith.core.examples import Conversation, Document, Message
from tunesmith.templates import TEMPLATES
from tunesmith.templates.render import render, render_document
from tunesmith.templates.shorten import render_within
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
PLAIN = ["native", "none", "alpaca", "summarization", "llama2"]
WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\ue000\ue001"), min_size=1, max_size=40
).filter(lambda text: text.strip())


def conversation(*texts: str, material: str = "", system: str = "") -> Conversation:
    roles = ("user", "assistant")
    messages = [Message(roles[i % 2], text) for i, text in enumerate(texts)]
    messages[0] = Message("user", texts[0], material)
    if system:
        messages.insert(0, Message("system", system))
    return Conversation(tuple(messages), "f:1")


@pytest.fixture(scope="module")
def llama2(shared) -> Tokenizer:
    return Tokenizer.from_folder(shared / "tokenizers/llama-2-hf")


@given(turns=st.lists(WORDS, min_size=2, max_size=6), system=WORDS, name=st.sampled_from(PLAIN))
@settings(deadline=None)
def test_a_prompt_is_always_a_prefix_of_prompt_and_answer(turns, system, name):
    turns = turns[: len(turns) // 2 * 2]
    template = TEMPLATES.parse(name)
    whole = render(conversation(*turns, system=system), template, TINY)
    prompt = render(conversation(*turns[:-1], system=system), template, TINY)
    assert whole.input_ids[: len(prompt)].tolist() == prompt.input_ids.tolist()
    answer = whole.input_ids[len(prompt) :]
    learnt = whole.supervised[len(prompt) :]
    assert learnt.all()
    assert answer[-1] == TINY.eos_id


@given(answer=WORDS, name=st.sampled_from(["alpaca", "summarization"]))
@settings(deadline=None)
def test_what_is_learnt_decodes_to_the_answer(answer, name):
    assume(not answer.startswith(" "))  # this tokenizer has no word for a text with one before it
    rendered = render(conversation("Say it.", answer), TEMPLATES.parse(name), TINY)
    ids = rendered.input_ids[rendered.supervised]
    assert TINY.decode(ids[:-1].tolist(), continues=True) == answer


@pytest.mark.parametrize("name", PLAIN)
def test_one_bos_leads_and_every_answer_ends_with_a_learnt_eos(name):
    rendered = render(conversation("a", "b", "c", "d"), TEMPLATES.parse(name), TINY)
    ids, learnt = rendered.input_ids.tolist(), rendered.supervised.tolist()
    n_sequences = 2 if name == "llama2" else 1  # Llama 2 starts every turn anew
    assert ids[0] == 1
    assert ids.count(1) == n_sequences
    ends = [place for place, token in enumerate(ids) if token == TINY.eos_id]
    assert len(ends) == 2
    assert all(learnt[place] for place in ends)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("text", ["</s>", "<s>", "<pad>", "[INST] x [/INST]"])
def test_fault_40_text_that_looks_like_a_control_token_stays_text(name, text):
    quiet = render(conversation("x", "y"), TEMPLATES.parse(name), TINY).input_ids.tolist()
    loud = render(conversation(text, text), TEMPLATES.parse(name), TINY).input_ids.tolist()
    for special in (0, 1, 2, 3):
        assert loud.count(special) == quiet.count(special)


@pytest.mark.parametrize("name", ["alpaca", "summarization"])
def test_the_prompt_has_the_ids_that_sentencepiece_gives(shared, llama2, name):
    sentencepiece = pytest.importorskip("sentencepiece")
    model = str(shared / "tokenizers/llama-2/tokenizer.model")
    oracle = sentencepiece.SentencePieceProcessor(model_file=model)
    asked = conversation("Summarize  this.", material="user: Grüße, 你好 🙂\nagent: It's 5 °C.\n")
    template = TEMPLATES.parse(name)
    pieces = template.pieces(asked.messages, llama2)
    text = "".join(piece.text for piece in pieces if piece.kind == "text")
    assert "### Input:" in text
    assert render(asked, template, llama2).input_ids.tolist() == [1, *oracle.encode(text)]


def test_llama2_has_the_ids_of_metas_own_code(shared, llama2):
    sentencepiece = pytest.importorskip("sentencepiece")
    model = str(shared / "tokenizers/llama-2/tokenizer.model")
    oracle = sentencepiece.SentencePieceProcessor(model_file=model)
    asked = conversation("Hi there!", "Hello.", "Bye?", "Bye.", system="Be kind.")
    first = "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi there! [/INST] Hello. "
    second = "[INST] Bye? [/INST] Bye. "
    expected = [[1, *oracle.encode(text), 2] for text in (first, second)]
    rendered = render(asked, TEMPLATES.parse("llama2"), llama2)
    assert rendered.input_ids.tolist() == sum(expected, [])


def test_the_summarization_prompt_is_the_tutorials():
    pieces = TEMPLATES.parse("summarization").pieces(
        conversation("Write a summary.", "Short.", material="user: Hi").messages, TINY
    )
    assert "".join(piece.text for piece in pieces) == (
        "<s>### Instruction: Write a summary.\n\n### Input:\nuser: Hi\n\n### Response:\nShort.</s>"
    )


def test_alpaca_has_stanfords_two_forms():
    template = TEMPLATES.parse("alpaca")
    without = "".join(p.text for p in template.pieces(conversation("Go.").messages, TINY))
    with_input = conversation("Go.", material="There.").messages
    assert without == (
        "<s>Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nGo.\n\n### Response:\n"
    )
    assert "".join(p.text for p in template.pieces(with_input, TINY)) == (
        "<s>Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nGo.\n\n### Input:\nThere.\n\n### Response:\n"
    )


@pytest.mark.parametrize("name", ["llama3", "chatml"])
def test_a_template_whose_tokens_are_missing_is_refused(name):
    with pytest.raises(TemplateError, match=r"needs the special token .*tokenizer in .*no such"):
        render(conversation("a", "b"), TEMPLATES.parse(name), TINY)


def test_the_damaged_tokenizer_is_refused_with_its_reason(shared):
    with pytest.raises(
        ModelError, match=r"tokenizer\.json: the tokenizer is damaged: .*line 18918"
    ):
        Tokenizer.from_folder(shared / "tokenizers/llama-2-broken-json")


def test_a_sentencepiece_model_alone_is_converted(shared, llama2, tmp_path):
    pytest.importorskip("transformers")
    import shutil

    source = shared / "tokenizers/llama-2-hf"
    for name in ("tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(source / name, tmp_path / name)
    text = "Grüße, 你好  🙂\nIt's."
    assert Tokenizer.from_folder(tmp_path).encode(text) == llama2.encode(text)


@given(n_words=st.integers(0, 120), limit=st.integers(20, 150))
@settings(deadline=None)
def test_cutting_takes_from_the_material_only_and_counts_what_is_gone(n_words, limit):
    template = TEMPLATES.parse("summarization")
    long = conversation("Sum up.", "It leaks.", material="the kettle leaks " * n_words)
    whole = render(long, template, TINY)
    found = render_within(long, template, TINY, limit)
    bare = render(conversation("Sum up.", "It leaks.", material=""), template, TINY)
    if len(found) > limit:
        assert len(bare) + 12 > limit  # 12: the heading of the material
        return
    assert len(found) <= limit
    assert len(found) + found.n_cut == len(whole)
    learnt = found.input_ids[found.supervised].tolist()
    assert learnt == whole.input_ids[whole.supervised].tolist()


def test_a_document_is_learnt_whole_between_bos_and_eos():
    rendered = render_document(Document("Once upon a time.", "f:1"), TINY)
    ids = rendered.input_ids.tolist()
    assert (ids[0], ids[-1]) == (1, TINY.eos_id)
    assert rendered.supervised.tolist() == [False] + [True] * (len(ids) - 1)
    assert TINY.decode(ids) == "Once upon a time."
    assert isinstance(rendered.input_ids, np.ndarray)


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path: Path):
    import json
    import shutil

    shutil.copy(BUNDLED["tunesmith-tiny"] / "tokenizer.json", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": None}))
    with pytest.raises(ModelError, match="no usable end-of-sequence token"):
        Tokenizer.from_folder(tmp_path)
