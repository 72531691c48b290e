from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer
from tokenizers.models import BPE

from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.words import MOST_WORDS, words_of

WILD = st.text(
    st.one_of(st.sampled_from(" \u2581\n\t.</s>[INST]é日"), st.characters(codec="utf-8")),
    max_size=60,
)
AFTER = st.sampled_from(["nothing", "special", "text"])


@pytest.fixture(scope="module", params=["tokenizers/llama-2-hf", "models/stories260K-hf"])
def llama(request, shared) -> Tokenizer:
    return Tokenizer.from_folder(shared / request.param)


@given(texts=st.lists(st.tuples(WILD, AFTER), min_size=1, max_size=8))
@settings(deadline=None, max_examples=300)
def test_words_in_a_row_are_the_ids_of_the_whole_text(llama, texts):
    assert llama._words is not None
    assert as_lists(llama.encode_many(texts)) == as_lists(llama._encode_whole(texts))


def test_words_of_real_text_are_those_of_the_library(llama, shared):
    rows = [
        json.loads(line)["dialogue"]
        for line in (shared / "dialogsum/dialogsum.dev.jsonl").read_text("utf-8").splitlines()
    ]
    whole = llama.fast.encode_batch(rows, add_special_tokens=False)
    found = llama.encode_many([(row, "nothing") for row in rows])
    assert as_lists(found) == [e.ids for e in whole]


@given(texts=st.lists(st.tuples(WILD, AFTER), min_size=1, max_size=8))
@settings(deadline=None)
def test_many_texts_are_encoded_as_one_after_the_other(tokenizer, texts):
    one_by_one = [tokenizer.encode(text, after=after) for text, after in texts]
    assert as_lists(tokenizer.encode_many(texts)) == one_by_one


def as_lists(encoded):
    return [ids.tolist() for ids in encoded]


def built(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> FastTokenizer:
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges, "byte_fallback": True}
    normalizers = [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    ]
    parts = json.loads(FastTokenizer(BPE()).to_str())
    parts["model"] |= model
    parts["normalizer"] = {"type": "Sequence", "normalizers": normalizers}
    return FastTokenizer.from_str(json.dumps(parts))


def test_a_vocabulary_with_a_token_across_words_is_not_taken_apart():
    letters = {"a": 0, "\u2581": 1, "b": 2}
    letters |= {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    assert words_of(built(letters, [])) is not None
    crossing = {**letters, "a\u2581": 300}
    assert words_of(built(crossing, [("a", "\u2581")])) is None


def test_words_are_forgotten_before_they_fill_the_memory(llama):
    words = words_of(llama.fast)
    words.behind_space.update({str(n): b"" for n in range(MOST_WORDS)})
    words.encode("kettle", continues=False)
    assert len(words.behind_space) == 1
