from __future__ import annotations

import pytest

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Document, Message
from tunesmith.core.ledger import Ledger
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
SFT, TEMPLATE = TASKS.parse("sft"), TEMPLATES.parse("summarization")


def rows(*sizes: int) -> list[Conversation]:
    return [
        Conversation(
            (Message("user", "Sum up.", "leaks " * n), Message("assistant", "It leaks.")), f"f:{n}"
        )
        for n in sizes
    ]


def encode(examples, max_tokens, too_long):
    ledger = Ledger()["train"]
    found = SFT.encode_all(examples, TEMPLATE, TINY, Limits(max_tokens, too_long), ledger)
    return found, ledger.as_dict()


def test_cut_shortens_and_counts_what_is_gone():
    found, ledger = encode(rows(1, 200), 100, "cut")
    assert len(found) == 2
    assert (ledger["kept"], ledger["cut"]) == (1, 1)
    assert ledger["cut_tokens"] >= 100
    assert ledger["reasons"][0]["places"] == ["f:200"]


def test_drop_leaves_out_and_counts():
    found, ledger = encode(rows(1, 200), 100, "drop")
    assert len(found) == 1
    assert ledger["dropped"] == 1


def test_error_names_the_row_and_the_way_out():
    with pytest.raises(
        DataError, match=r"f:200: \d+ tokens, .* limit is 100. Raise data.max_tokens"
    ):
        encode(rows(1, 200), 100, "error")


def test_an_answer_that_alone_is_too_long_is_rejected():
    found, ledger = encode(rows(1), 8, "cut")
    assert found == []
    assert ledger["rejected"] == 1


def test_fault_21_nothing_to_learn_is_rejected():
    request = Conversation((Message("user", "Hi"),), "f:1")
    found, ledger = encode([request], 100, "cut")
    assert found == []
    assert ledger["reasons"][0]["reason"].startswith("nothing to learn")


def test_an_example_of_another_kind_is_refused_with_the_way_out():
    with pytest.raises(DataError, match="f:1: a document, and task 'sft' takes a conversation"):
        encode([Document("x", "f:1")], 100, "cut")
