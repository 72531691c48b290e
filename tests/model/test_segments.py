"""Pieces that share a prefix attend as whole rows would."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from tunesmith.model.segments import Segments, attend_within  # noqa: E402

LENGTHS, PARENTS = (3, 2, 4, 1, 5), (-1, 0, 0, 2, -1)


def segments_of(lengths, parents=()):
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    return Segments(tuple(lengths), starts, tuple(parents))


@pytest.mark.parametrize("n_key_heads", [1, 2, 4])
def test_a_tree_gives_each_path_what_it_gives_alone_and_the_same_gradients(n_key_heads):
    torch.manual_seed(0)
    segments, n = segments_of(LENGTHS, PARENTS), sum(LENGTHS)
    q, k, v = (
        torch.randn(n, h, 8, dtype=torch.float64, requires_grad=True)
        for h in (4, n_key_heads, n_key_heads)
    )
    found = attend_within(q, k, v, segments)
    wanted = torch.zeros_like(found)
    for piece in range(len(LENGTHS)):
        places = [
            place
            for p in segments.path(piece)
            for place in range(segments.cu_seqlens[p], segments.cu_seqlens[p + 1])
        ]
        alone = scaled_dot_product_attention(
            *(t[places].transpose(0, 1)[None] for t in (q, k, v)), is_causal=True, enable_gqa=True
        )[0].transpose(0, 1)
        own = LENGTHS[piece]
        wanted[places[-own:]] = alone[-own:]
    torch.testing.assert_close(found, wanted)
    weights = torch.randn_like(found)
    ours = torch.autograd.grad((found * weights).sum(), (q, k, v))
    theirs = torch.autograd.grad((wanted * weights).sum(), (q, k, v))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
