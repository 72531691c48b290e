from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.examples import Document
from tunesmith.data.read import Row
from tunesmith.tasks import TASKS
from tunesmith.tasks.store import EncodedSplit, Store, StoreWriter
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.render import render_document
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
JOINED = TASKS.parse({"name": "causal-lm", "documents": "joined"})


def split_of(folder, texts, limits, kept=None) -> EncodedSplit:
    folder.mkdir()
    documents = [Document(text, f"f:{n}") for n, text in enumerate(texts, 1)]
    outcomes = JOINED.encode(documents, TEMPLATES.parse("alpaca"), TINY, limits)
    rows = [Row(0, "train", d.origin, d) for d in documents]
    with StoreWriter(folder, len(TINY)) as writer:
        writer.add(rows, outcomes)
    store = Store.open(folder)
    assert store is not None
    return EncodedSplit(store, np.arange(len(store)) if kept is None else np.asarray(kept))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(2, 40))
@settings(deadline=None, max_examples=40)
def test_rows_are_full_and_every_token_is_learnt_once(tmp_path_factory, n_words, width):
    texts = ["kettle leaks " * n for n in n_words]
    limits = Limits(width, "error")
    split = split_of(tmp_path_factory.mktemp("s") / "s", texts, limits)
    rows = JOINED.arranged(split, limits)
    stream = [t for n, x in enumerate(texts)
              for t in render_document(Document(x, f"f:{n}"), TINY).input_ids.tolist()]  # fmt: skip
    found = [rows.arrays(place)[0].tolist() for place in range(len(rows))]
    assert found[0] + [t for row in found[1:] for t in row[1:]] == stream
    assert rows.lengths.tolist() == [len(row) for row in found]
    assert set(rows.lengths[:-1]) <= {width} and 1 <= rows.lengths[-1] <= width
    learnt = [t for e in rows for t in e.input_ids[e.supervised].tolist()]
    assert learnt == [t for t in stream if t != TINY.id_of(TINY.bos)]
    assert rows.n_learnt.sum() == len(learnt)


def test_a_row_says_where_it_begins(tmp_path):
    limits = Limits(16, "error")
    rows = JOINED.arranged(split_of(tmp_path / "s", ["a b c", "d " * 40, "e"], limits), limits)
    assert rows.origin(0) == "f:1"
    assert rows.origin(1) == "f:2"
    assert rows[0].origin == "f:1" and [e.origin for e in rows[:2]] == ["f:1", "f:2"]


def test_what_follows_the_held_out_windows_is_put_together_too(tmp_path):
    """The end of a document, without its beginning: its first token is context."""
    limits = Limits(8, "error")
    split = split_of(tmp_path / "s", ["kettle leaks " * 20], limits, kept=[2, 3])
    rows = JOINED.arranged(split, Limits(64, "error"))
    whole = render_document(Document("kettle leaks " * 20, "f:1"), TINY).input_ids
    ids, weights = rows.arrays(0)
    assert len(rows) == 1
    assert ids.tolist() == whole[14 : 14 + 15].tolist()
    assert weights.tolist() == [0] + [1] * 14


def test_documents_stay_apart_unless_it_is_asked_for(tmp_path):
    limits = Limits(16, "error")
    split = split_of(tmp_path / "s", ["a", "b"], limits)
    assert TASKS.parse("causal-lm").arranged(split, limits) is split
    assert len(JOINED.arranged(split, limits)) == 1
    with pytest.raises(IndexError):
        JOINED.arranged(split, limits)[1]
