from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model import loss as loss_module  # noqa: E402
from tunesmith.model.loss import linear_cross_entropy  # noqa: E402


def reference(hidden, weight, labels):
    return torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="sum")


@pytest.mark.parametrize("chunk_rows", [1, 3, 7, 64])
def test_loss_and_gradients_equal_those_of_whole_logits(monkeypatch, chunk_rows):
    monkeypatch.setattr(loss_module, "CHUNK_LOGITS", {})
    monkeypatch.setattr(loss_module, "LEAST_ROWS", chunk_rows)
    monkeypatch.setitem(loss_module.CHUNK_LOGITS, "cpu", 1)
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 11, (7,))
    total, n_correct = linear_cross_entropy(hidden, weight, labels)
    (total * 0.5).backward()
    found = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    expected = reference(hidden, weight, labels)
    (expected * 0.5).backward()
    torch.testing.assert_close(total, expected.float())
    torch.testing.assert_close(found, (hidden.grad, weight.grad), atol=1e-6, rtol=1e-5)
    assert n_correct == ((hidden @ weight.t()).argmax(1) == labels).sum()


def test_uniform_logits_cost_log_v_each():
    total, _ = linear_cross_entropy(torch.zeros(6, 4), torch.randn(32, 4), torch.arange(6))
    assert total.item() == pytest.approx(6 * math.log(32), rel=1e-6)


def test_a_frozen_head_gets_no_gradient():
    hidden = torch.randn(3, 4, requires_grad=True)
    weight = torch.randn(8, 4)
    linear_cross_entropy(hidden, weight, torch.arange(3))[0].backward()
    assert hidden.grad is not None
    assert weight.grad is None


def test_no_targets_cost_nothing():
    hidden = torch.randn(0, 4, requires_grad=True)
    total, _ = linear_cross_entropy(hidden, torch.randn(8, 4), torch.zeros(0, dtype=torch.int64))
    total.backward()
    assert total.item() == 0


def test_weights_of_rows_weigh_loss_and_gradients(monkeypatch):
    monkeypatch.setattr(loss_module, "LEAST_ROWS", 3)
    monkeypatch.setitem(loss_module.CHUNK_LOGITS, "cpu", 1)
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, requires_grad=True)
    weight = torch.randn(11, 5, requires_grad=True)
    labels = torch.randint(0, 11, (7,))
    weights = torch.tensor([1, 0.5, 0, 2, 1, 0.125, 1])
    total, _ = linear_cross_entropy(hidden, weight, labels, weights)
    total.backward()
    found = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    each = torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="none")
    (each * weights).sum().backward()
    torch.testing.assert_close(total, (each * weights).sum())
    torch.testing.assert_close(found, (hidden.grad, weight.grad))
