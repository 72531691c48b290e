from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.training.batching import FIXED_TOKENS, Batching, fixed_batching, fixed_tokens
from tunesmith.training.settings import Train

LENGTHS = [100] * 40


def fixed(settings, lengths=LENGTHS, device="cpu", **model):
    return fixed_batching(Train(**settings), lengths, device, **model)


def test_where_nothing_is_said_a_micro_batch_has_the_tokens_of_its_device():
    for device in ("cpu", "cuda"):
        found = fixed({}, device=device)
        assert (found.tokens_at_once, found.rows_at_once) == (FIXED_TOKENS[device], 16)


def test_rows_of_a_micro_batch_keep_their_meaning():
    found = fixed({"micro_batch_size": 4}, unpadded=True)
    assert (found.packs, found.rows_at_once, found.tokens_at_once) == (False, 4, None)
    assert found.divide(np.array([5, 9, 7, 1, 2])) == [[0, 1, 2, 3], [4]]


def test_a_packed_line_has_room_for_so_many_of_the_longest_rows():
    found = fixed({"micro_batch_size": 3, "packing": True}, [5, 40, 12])
    assert (found.packs, found.rows_at_once, found.tokens_at_once) == (True, 16, 120)


def test_both_limits_hold_where_both_are_set():
    found = fixed({"micro_batch_size": 3, "tokens_at_once": 500})
    assert [len(part) for part in found.divide(np.array([100] * 8))] == [3, 3, 2]


@pytest.mark.parametrize(
    ("settings", "model", "packs", "why"),
    [
        ({}, {"unpadded": True}, True, "no padding"),
        ({}, {}, False, "padding would cost 0.0%"),
        ({"shuffle": False}, {}, True, "padding would cost 90.5%"),
        ({"shuffle": False}, {"unpackable": "it sees 5 back"}, False, "it sees 5 back"),
        ({"neftune_alpha": 5}, {"unpadded": True}, False, "noise"),
        ({"packing": True, "neftune_alpha": 5}, {}, True, "train.packing=true"),
        ({"packing": False}, {"unpadded": True}, False, "train.packing=false"),
    ],
)
def test_the_choice_between_padding_and_packing_is_told(settings, model, packs, why):
    lengths = LENGTHS if settings.get("shuffle", True) else [10, 200] * 8
    found = fixed({**settings, "batch_size": 2}, lengths, **model)
    assert found.packs is packs
    assert why in found.why_packs and why in found.told


def test_little_padding_costs_less_than_rows_that_attend_one_by_one():
    """3 % of padding: not worth it on a CPU, but where the rows attend in one kernel."""
    settings = {"shuffle": False, "batch_size": 2, "tokens_at_once": 1000}
    assert not fixed(settings, [100, 94] * 8).packs
    assert fixed(settings, [100, 94] * 8, row_by_row=1.0).packs


def test_a_kept_batching_is_that_of_the_same_settings_only():
    train = Train(batch_size=8)
    found = fixed_batching(train, LENGTHS, "cpu")
    assert Batching.kept(found.as_dict(), train) == found
    assert Batching.kept(found.as_dict(), Train(batch_size=9)) is None
    assert Batching.kept(None, train) is None


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=30),
    st.integers(1, 2000),
    st.integers(1, 2000),
    st.booleans(),
)
def test_what_memory_takes_goes_down_to_one_row(lengths, tokens, most, packs):
    sizes, batching = np.array(lengths), Batching(packs, 30, tokens)
    smaller = batching.within(most)
    for part in smaller.divide(sizes):
        assert batching.size(sizes[part]) <= max(most, sizes[part[0]])
    alone = batching.within(batching.least(sizes)).divide(sizes)
    assert all(batching.size(sizes[part]) <= sizes.max() for part in alone)


def test_narrow_models_take_more_tokens_at_once_on_a_cpu_up_to_a_limit():
    assert [fixed_tokens("cpu", width) for width in (None, 4096, 768, 384, 288, 64)] == [
        *(3 * [FIXED_TOKENS["cpu"]]),
        2 * FIXED_TOKENS["cpu"],
        5461,
        8192,
    ]
    assert fixed_tokens("cuda", 64) == FIXED_TOKENS["cuda"]
