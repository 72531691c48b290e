"""Trees in one call of a variable-length kernel give what each piece alone gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from tunesmith.model import attention  # noqa: E402
from tunesmith.model.segments import Segments, attend_piecewise  # noqa: E402
from tunesmith.model.ways import attend_along, gathered, ways_of  # noqa: E402

LENGTHS, PARENTS = (3, 2, 4, 1, 5), (-1, 0, 0, 2, -1)


def segments_of(lengths, parents, device="cpu"):
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    return Segments(tuple(lengths), starts.to(device), tuple(parents))


@st.composite
def trees(draw):
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=7))
    return segments_of(lengths, [draw(st.integers(-1, piece - 1)) for piece in range(len(lengths))])


def inputs(n, heads, key_heads, device="cpu", dtype=torch.float64):
    torch.manual_seed(0)
    return [
        torch.randn(n, h, 8, dtype=dtype, device=device, requires_grad=True)
        for h in (heads, key_heads, key_heads)
    ]


def row_by_row(q, k, v, starts_q, starts_k, most_q, most_k, *, scale, window_size, enable_gqa):
    """The contract of the kernel, in torch's attention: causal, aligned to the ends."""
    assert window_size == (-1, 0) and enable_gqa == (q.shape[1] != k.shape[1])
    assert starts_q.dtype == starts_k.dtype == torch.int32 and len(starts_q) == len(starts_k)
    sizes_q, sizes_k = (starts.diff().tolist() for starts in (starts_q, starts_k))
    assert (most_q, most_k) == (max(sizes_q), max(sizes_k))
    rows = zip(q.split(sizes_q), k.split(sizes_k), v.split(sizes_k), strict=True)
    found = []
    for own, seen, given_ in rows:
        mask = torch.ones(len(own), len(seen), dtype=torch.bool).tril(len(seen) - len(own))
        mixed = scaled_dot_product_attention(
            *(t.transpose(0, 1)[None] for t in (own, seen, given_)),
            attn_mask=mask,
            scale=scale,
            enable_gqa=enable_gqa,
        )
        found.append(mixed[0].transpose(0, 1))
    return torch.cat(found)


@given(segments=trees(), key_heads=st.sampled_from([1, 2]), scale=st.sampled_from([None, 0.7]))
@settings(deadline=None, max_examples=30)
def test_any_tree_gets_what_one_call_for_each_piece_gives(segments, key_heads, scale):
    q, k, v = inputs(sum(segments.lengths), 2, key_heads)
    ours = attend_along(q, k, v, segments, row_by_row, scale)
    theirs = attend_piecewise(q, k, v, segments, scale)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad((one * weights).sum(), (q, k, v)) for one in (ours, theirs)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_a_way_is_the_ancestors_from_the_root_on_and_the_piece_itself():
    ways = ways_of(LENGTHS, PARENTS)
    places = [ways.places[a:b].tolist() for a, b in zip(ways.starts, ways.starts[1:], strict=False)]
    first = [0, 1, 2]
    assert places == [
        first,
        [*first, 3, 4],
        [*first, 5, 6, 7, 8],
        [*first, 5, 6, 7, 8, 9],
        [10, 11, 12, 13, 14],
    ]
    assert (ways.longest_piece, ways.longest) == (5, 8)
    groups = [ways.order[a:b] for a, b in zip(ways.groups, ways.groups[1:], strict=False)]
    assert [ways.places[group].tolist() for group in groups] == [
        [token] * n for token, n in enumerate([4, 4, 4, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1])
    ]
    assert all((np.diff(group) > 0).all() for group in groups)


def test_a_token_that_many_ways_go_through_has_their_gradients_summed_in_their_order(monkeypatch):
    """Float32 tells orders of a sum apart; a GPU's ``index_add_`` has none, so it is not asked."""

    def refused(self, *given_):
        raise AssertionError("index_add_ has no order on a GPU")

    lengths, parents = (3, 2, 4, 1, 5, 2), (-1, 0, 0, 2, -1, 0)
    segments = segments_of(lengths, parents)
    monkeypatch.setattr(torch.Tensor, "index_add_", refused)
    q, k, v = inputs(sum(lengths), 2, 1, dtype=torch.float32)
    seen = []

    def kernel(query, keys, *given_, **options):
        keys.register_hook(seen.append)
        return row_by_row(query, keys, *given_, **options)

    ours = attend_along(q, k, v, segments, kernel)
    (found,) = torch.autograd.grad((ours * torch.randn_like(ours)).sum(), k)
    wanted, (gradient,) = torch.zeros_like(k), seen
    for place, part in zip(ways_of(lengths, parents).places, gradient, strict=True):
        wanted[place] += part  # one after the other, as the ways come
    assert torch.equal(found, wanted)


def test_without_parents_the_ways_are_the_rows():
    ways = ways_of((2, 3), ())
    assert ways.places.tolist() == [0, 1, 2, 3, 4] and ways.starts.tolist() == [0, 2, 5]


def test_small_gradients_of_a_prefix_are_not_lost_in_sixteen_bits(monkeypatch):
    """Added up in float32, as a processor's sum in bfloat16 does by itself and a GPU's does not."""
    kinds, real = [], torch.Tensor.index_add_
    monkeypatch.setattr(
        torch.Tensor, "index_add_", lambda self, *g: kinds.append(self.dtype) or real(self, *g)
    )
    states = torch.ones(1, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    parts = torch.full((301, 1, 1), 2.0**-8, dtype=torch.bfloat16)
    parts[0] = 1.0
    (found,) = torch.autograd.grad(
        gathered(states, torch.zeros(301, dtype=torch.long)), states, parts
    )
    assert kinds == [torch.float32] and found.dtype == torch.bfloat16
    assert float(found) == pytest.approx(1 + 300 / 256, rel=2**-8)


@pytest.mark.parametrize("key_heads", [1, 4])
def test_torchs_kernel_takes_what_it_is_given(key_heads):
    """Its own signature and shapes, forward and backward, without a device."""
    kernel = attention._kernel()
    if kernel is None:
        pytest.skip("torch has no variable-length attention")
    segments = segments_of(LENGTHS, PARENTS, "meta")
    q, k, v = inputs(sum(LENGTHS), 4, key_heads, "meta", torch.bfloat16)
    found = attend_along(q, k, v, segments, kernel, 0.3)
    assert found.shape == q.shape and found.dtype == torch.bfloat16
    gradients = torch.autograd.grad(found.sum(), (q, k, v))
    assert [g.shape for g in gradients] == [q.shape, k.shape, v.shape]


def test_what_attends_on_trees_asks_the_kernel_where_there_is_one(monkeypatch):
    asked = []

    def kernel(*given_, **options):
        asked.append(options["scale"])
        return row_by_row(*given_, **options)

    segments = segments_of(LENGTHS, PARENTS)
    q, k, v = (t.transpose(0, 1)[None] for t in inputs(sum(LENGTHS), 4, 2))  # [1, H, T, D]
    wanted, _ = attention.attend(torch.nn.Module(), q, k, v, None, segments, scaling=0.5)
    monkeypatch.setattr(attention, "_has_kernel", lambda query, options: True)
    monkeypatch.setattr(attention, "_kernel", lambda: kernel)
    found, _ = attention.attend(torch.nn.Module(), q, k, v, None, segments, scaling=0.5)
    torch.testing.assert_close(found, wanted)
    assert asked == [0.5]
