"""Pieces that share a prefix attend as whole rows would."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from tunesmith.model import segments as segments_module  # noqa: E402
from tunesmith.model.segments import (  # noqa: E402
    Segments,
    attend_from,
    attend_piecewise,
    attend_within,
    looks,
)

LENGTHS, PARENTS = (3, 2, 4, 1, 5), (-1, 0, 0, 2, -1)


def segments_of(lengths, parents=()):
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    return Segments(tuple(lengths), starts, tuple(parents))


@st.composite
def trees(draw):
    """Pieces in any order in which parents come first, as a line of another's making may have."""
    lengths = draw(st.lists(st.integers(1, 70), min_size=1, max_size=7))
    parents = [draw(st.integers(-1, piece - 1)) for piece in range(len(lengths))]
    return segments_of(lengths, parents)


def inputs(n, heads, key_heads, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(n, h, 8, dtype=dtype, requires_grad=True)
            for h in (heads, key_heads, key_heads)]  # fmt: skip


def one_by_one(q, k, v, segments, scale=None):
    """Each way from a root as a row of its own, through torch's attention."""
    wanted = torch.zeros_like(q)
    starts = segments.cu_seqlens.tolist()
    for piece, own in enumerate(segments.lengths):
        places = [p for one in segments.path(piece) for p in range(starts[one], starts[one + 1])]
        alone = scaled_dot_product_attention(
            *(t[places].transpose(0, 1)[None] for t in (q, k, v)),
            is_causal=True,
            enable_gqa=True,
            scale=scale,
        )[0].transpose(0, 1)
        wanted[places[-own:]] = alone[-own:]
    return wanted


def assert_same(ours, theirs, given_inputs, **close):
    torch.testing.assert_close(ours, theirs, **close)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad((one * weights).sum(), given_inputs) for one in (ours, theirs)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, **close)


@pytest.mark.parametrize("n_key_heads", [1, 2, 4])
def test_a_tree_gives_each_path_what_it_gives_alone_and_the_same_gradients(n_key_heads):
    segments = segments_of(LENGTHS, PARENTS)
    q, k, v = inputs(sum(LENGTHS), 4, n_key_heads)
    assert_same(attend_within(q, k, v, segments), one_by_one(q, k, v, segments), (q, k, v))


@given(segments=trees(), key_heads=st.sampled_from([1, 2]), scale=st.sampled_from([None, 0.7]))
@settings(deadline=None, max_examples=25)
def test_any_tree(segments, key_heads, scale):
    q, k, v = inputs(sum(segments.lengths), 2, key_heads, torch.float32)
    close = {"atol": 1e-5, "rtol": 1e-5}
    ours = attend_within(q, k, v, segments, scale)
    assert_same(ours, one_by_one(q, k, v, segments, scale), (q, k, v), **close)


def test_one_call_for_each_piece_gives_the_same():
    """As devices without our kernels do it."""
    segments = segments_of(LENGTHS, PARENTS)
    q, k, v = inputs(sum(LENGTHS), 4, 2)
    assert_same(attend_piecewise(q, k, v, segments), attend_within(q, k, v, segments), (q, k, v))


@given(segments=trees(), data=st.data())
@settings(deadline=None, max_examples=25)
def test_some_places_alone_get_what_they_get_among_all(segments, data):
    n = sum(segments.lengths)
    chosen = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    rows = torch.tensor(sorted(chosen))
    q, k, v = inputs(n, 2, 1)
    assert_same(
        attend_from(q[rows], k, v, rows, segments),
        attend_within(q, k, v, segments)[rows],
        (q, k, v),
    )


def test_what_goes_on_from_a_piece_sees_it_in_one_product():
    assert looks((3, 2, 4, 1, 5), (-1, 0, 0, 2, -1)) == (
        *((0, 3, 0, 3), (3, 5, 3, 5), (5, 9, 5, 9), (9, 10, 9, 10), (10, 15, 10, 15)),
        (3, 10, 0, 3),
        (9, 10, 5, 9),
    )


@given(segments=trees(), key_heads=st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=20)
def test_bfloat16_is_as_exact_as_torch_is_in_it(segments, key_heads):
    exact = inputs(sum(segments.lengths), 2, key_heads, torch.float32)
    weights = torch.randn_like(exact[0])

    def found_by(attend, dtype):
        q, k, v = (t.detach().to(dtype).requires_grad_() for t in exact)
        found = attend(q, k, v, segments)
        assert found.dtype == dtype
        gradients = torch.autograd.grad((found * weights.to(dtype)).sum(), (q, k, v))
        return found.detach(), *gradients

    truth = found_by(one_by_one, torch.float32)
    errors = [
        [float((a.float() - b).norm() / (1 + b.norm())) for a, b in zip(found, truth, strict=True)]
        for found in (found_by(f, torch.bfloat16) for f in (attend_within, one_by_one))
    ]
    for ours, theirs in zip(*errors, strict=True):
        assert ours <= 2 * theirs + 4e-3  # the step of bfloat16 at 1


def test_long_ways_in_bfloat16_are_computed_in_float32(monkeypatch):
    monkeypatch.setattr(segments_module, "LONGEST_KEPT", 7)
    segments = segments_of(LENGTHS, PARENTS)
    q, k, v = (t.detach().bfloat16() for t in inputs(sum(LENGTHS), 4, 2, torch.float32))
    found = attend_within(q, k, v, segments)
    assert found.dtype == torch.bfloat16
    wanted = attend_within(q.float(), k.float(), v.float(), segments).bfloat16()
    assert torch.equal(found, wanted)


def test_how_long_the_longest_way_is():
    assert segments_of(LENGTHS, PARENTS).longest == 8
    assert segments_of((2, 9, 3)).longest == 9
