from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.examples import Conversation, Labelled, Message
from tunesmith.data.keys import KeyColumns
from tunesmith.data.read import Row
from tunesmith.data.settings import Data
from tunesmith.data.split import split_rows


def asks(prompt: str, *, source: int = 0, split: str = "train", group: str = "") -> Row:
    messages = (Message("user", prompt), Message("assistant", "a"))
    return Row(source, split, "f:1", Conversation(messages, "f:1", group=group))


def keys_of(rows):
    columns = KeyColumns()
    for row in rows:
        columns.add(row)
    return columns.done()


def mixture(*sources, **settings):
    named = [{"path": f"{n}", **fields} for n, fields in enumerate(sources)]
    return Data(sources=named, validation_fraction=0, **settings)


def used(rows, data, seed=0):
    """How often each source gives a training row."""
    train = split_rows(keys_of(rows), data, seed).rows["train"]
    return Counter(rows[i].source for i in train)


@given(st.lists(st.integers(0, 8), min_size=12, max_size=60), st.integers(0, 99))
def test_every_row_ends_up_once_and_no_prompt_on_both_sides(prompts, seed):
    rows = [asks(f"p{n}") for n in [*prompts, 100, 101]]
    splits = split_rows(keys_of(rows), Data(path="x", validation_fraction=0.2), seed)
    train, held = splits.rows["train"].tolist(), splits.rows["validation"].tolist()
    assert sorted(train + held) == list(range(len(rows)))
    prompts_of = [{rows[i].example.messages[0].content for i in part} for part in (train, held)]
    assert prompts_of[0].isdisjoint(prompts_of[1])
    assert all(prompts_of)


def test_the_same_seed_holds_the_same_rows_out_and_another_seed_others():
    keys = keys_of([asks(f"p{n}") for n in range(200)])
    data = Data(path="x", validation_fraction=0.1)
    first, again, other = (split_rows(keys, data, s).rows["validation"] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert len(first) == 20
    assert len(np.intersect1d(first, other)) < 10


def test_every_label_is_held_out_alike():
    rows = [
        Row(0, "train", "f:1", Labelled(f"t{n}", "rare" if n % 10 == 0 else "often", "f:1"))
        for n in range(200)
    ]
    splits = split_rows(keys_of(rows), Data(path="x", validation_fraction=0.2), 3)
    held = Counter(rows[i].example.label for i in splits.rows["validation"])
    assert held == {"rare": 4, "often": 36}


def test_a_document_is_never_split_apart_even_through_shared_prompts():
    # a and b share a prompt, b and c are one document: all three stand together
    chain = [asks("same", group="a"), asks("same", group="b"), asks("other", group="b")]
    rows = [*chain, *(asks(f"p{n}", group=f"g{n % 5}") for n in range(20))]
    data = Data(path="x", validation_fraction=0.3, split_by="group")
    for seed in range(20):
        splits = split_rows(keys_of(rows), data, seed)
        held = set(splits.rows["validation"].tolist())
        assert len(held & {0, 1, 2}) in (0, 3)
        groups = [{rows[i].example.group for i in part} for part in splits.rows.values()]
        assert groups[0].isdisjoint(groups[1])


def test_num_samples_draws_some_rows_or_takes_rows_again():
    rows = [asks(f"{s}-{n}", source=s) for s in (0, 1) for n in range(10)]
    found = used(rows, mixture({"num_samples": 4}, {"num_samples": 25}))
    assert found == {0: 4, 1: 25}


def test_shrink_takes_no_row_twice_and_repeat_leaves_none_out():
    rows = [asks(f"{s}-{n}", source=s) for s, size in ((0, 30), (1, 10)) for n in range(size)]
    weights = ({"weight": 0.5}, {"weight": 0.5})
    assert used(rows, mixture(*weights, mix="shrink")) == {0: 10, 1: 10}
    assert used(rows, mixture(*weights, mix="repeat")) == {0: 30, 1: 30}
    one_to_three = ({"weight": 1}, {"weight": 3})
    assert used(rows, mixture(*one_to_three, mix="shrink")) == {0: 3, 1: 10}


def test_weights_without_a_way_to_mix_are_refused():
    with pytest.raises(ValueError, match="weights and mix belong together"):
        mixture({"weight": 1}, {"weight": 2})
    with pytest.raises(ValueError, match="name the data once"):
        Data()
