"""Products with rounded frozen weights: near the exact ones, within bounds that are stated."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model import fused  # noqa: E402
from tunesmith.model.fused import Linear  # noqa: E402
from tunesmith.model.fused.int8 import Int8Weight, Rows, round_rows  # noqa: E402


def relative(found, exact) -> float:
    return float((found.double() - exact).norm() / exact.norm())


def weight_of(exact, dtype=torch.float32, rows=None) -> Int8Weight:
    return Int8Weight(lambda: exact, dtype, rows or Rows())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n_tokens", [1, 7, 1030])
def test_products_of_random_rows_are_within_two_percent(dtype, n_tokens):
    torch.manual_seed(0)
    exact, x = torch.randn(96, 160), torch.randn(n_tokens, 160).to(dtype)
    grad = torch.randn(n_tokens, 96).to(dtype)
    weight = weight_of(exact, dtype)
    assert weight.outputs(x).dtype == weight.input_gradient(grad).dtype == dtype
    assert relative(weight.outputs(x), x.double() @ exact.double().t()) < 0.02
    assert relative(weight.input_gradient(grad), grad.double() @ exact.double()) < 0.02


def test_outliers_of_a_channel_cost_what_is_stated():
    """A hundred times as large as the rest, they leave it a hundredth of the levels."""
    torch.manual_seed(0)
    exact, x = torch.randn(96, 160), torch.randn(300, 160)
    x[:, 5] *= 100
    assert 0.02 < relative(weight_of(exact).outputs(x)[:, :], x.double() @ exact.double().t()) < 0.1
    exact[7] *= 100  # a large output has a scale of its own, and harms no other
    x[:, 5] /= 100
    others = [row for row in range(96) if row != 7]
    found = weight_of(exact).outputs(x)[:, others]
    assert relative(found, x.double() @ exact[others].double().t()) < 0.02


def test_whole_numbers_that_fit_are_exact():
    torch.manual_seed(0)
    exact = torch.randint(-127, 128, (16, 32)).float()
    x = torch.randint(-127, 128, (9, 32)).float()
    exact[:, 0], x[:, 1] = 127, -127  # so that every scale is 1
    assert torch.equal(weight_of(exact).outputs(x), x @ exact.t())


def test_rows_of_zeros_and_no_rows_are_zeros_and_nothing():
    weight = weight_of(torch.randn(16, 32))
    assert torch.equal(weight.outputs(torch.zeros(3, 32)), torch.zeros(3, 16))
    assert torch.equal(weight.input_gradient(torch.zeros(3, 16)), torch.zeros(3, 32))
    assert weight.outputs(torch.zeros(0, 32)).shape == (0, 16)


def test_what_is_no_number_stays_none():
    weight, x = weight_of(torch.randn(16, 32)), torch.zeros(2, 32)
    for value in (float("nan"), float("inf")):
        x[1, 3] = value
        found = weight.outputs(x)
        assert not found[1].isfinite().any()
        assert found[0].isfinite().all()


def test_rows_are_rounded_once_for_all_that_read_them_and_again_when_they_change():
    rows, x = Rows(), torch.randn(5, 32)
    first = rows.rounded(x)
    assert rows.rounded(x) is first
    x.mul_(2)
    assert rows.rounded(x) is not first
    other = torch.randn(5, 32)
    torch.testing.assert_close(rows.rounded(other)[0][0], round_rows(other)[0])


def test_gradients_of_a_block_are_near_those_in_float64():
    torch.manual_seed(0)
    x, norm = torch.randn(200, 64), torch.rand(64) + 0.5
    weights = [torch.randn(96, 64) / 8, torch.randn(96, 64) / 8, torch.randn(64, 96) / 8]
    updates = [(torch.randn(4, w.shape[1]) / 8, torch.randn(w.shape[0], 4) / 8) for w in weights]
    upstream = torch.randn(200, 64)

    def gradients(dtype, rounds):
        rows = Rows()
        leaves, layers = [x.to(dtype).requires_grad_()], []
        for weight, update in zip(weights, updates, strict=True):
            held = weight_of(weight, dtype, rows) if rounds else weight.to(dtype)
            a, b = (t.to(dtype).requires_grad_() for t in update)
            leaves += [a, b]
            layers.append(Linear(held, None, a, b, 2.0))
        fused.gated_mlp(leaves[0], norm.to(dtype), 1e-6, *layers, training=True).backward(
            upstream.to(dtype)
        )
        return [leaf.grad for leaf in leaves]

    exact = gradients(torch.float64, rounds=False)
    for found, right in zip(gradients(torch.float32, rounds=True), exact, strict=True):
        assert relative(found, right) < 0.02
