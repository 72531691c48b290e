from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.examples import Document
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.render import render_document
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])


@given(n_words=st.integers(1, 60), max_tokens=st.integers(2, 40))
@settings(deadline=None)
def test_every_token_of_a_document_is_learnt_once_whatever_the_window(n_words, max_tokens):
    document = Document("kettle leaks " * n_words, "f:1")
    [outcome] = TASKS.parse("causal-lm").encode(
        [document], TEMPLATES.parse("alpaca"), TINY, Limits(max_tokens, "error")
    )
    windows = outcome.rows
    whole = render_document(document, TINY).input_ids.tolist()
    learnt = [t for w in windows for t in w.input_ids[w.supervised].tolist()]
    assert learnt == whole[1:]
    assert all(len(w) <= max_tokens for w in windows)
    assert outcome.fate == "kept"
