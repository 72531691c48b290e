from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from tunesmith.model.segments import Segments, attend_within  # noqa: E402
from tunesmith.model.tile_attention import tile_attention  # noqa: E402


@pytest.mark.parametrize("lengths", [(1,), (5, 1, 3), (64, 65, 130), (128, 7, 129, 200)])
@pytest.mark.parametrize(("heads", "groups"), [(2, 2), (4, 2), (4, 1)])
def test_pieces_attend_within_themselves(lengths, heads, groups):
    torch.manual_seed(0)
    n = sum(lengths)
    sizes = (heads, groups, groups)
    q, k, v = (torch.randn(n, h, 8, dtype=torch.float64, requires_grad=True) for h in sizes)
    expected = []
    for own in zip(*(t.split(lengths) for t in (q, k, v)), strict=True):
        own = (t.transpose(0, 1)[None] for t in own)
        found = scaled_dot_product_attention(*own, is_causal=True, enable_gqa=True)
        expected.append(found[0].transpose(0, 1))
    expected = torch.cat(expected)
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    found = attend_within(q, k, v, Segments(lengths, starts))
    torch.testing.assert_close(found, expected)
    outer = torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad(found, (q, k, v), outer),
        torch.autograd.grad(expected, (q, k, v), outer),
    )


def test_derivatives_are_those_of_the_function_with_ancestors_too():
    torch.manual_seed(0)
    q, k, v = (torch.randn(6, 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    ways = [[0], [0, 1], [0, 2]]

    def attend(q, k, v):
        return tile_attention(q, k, v, (3, 2, 1), ways, dtype=torch.float64)

    assert torch.autograd.gradcheck(attend, (q, k, v))
