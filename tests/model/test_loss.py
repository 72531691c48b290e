from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model import label_scores as loss_module  # noqa: E402
from tunesmith.model import logps as logps_module  # noqa: E402
from tunesmith.model.logps import linear_logps  # noqa: E402
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
    total, n_correct, _ = linear_cross_entropy(hidden, weight, labels)
    (total * 0.5).backward()
    found = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    expected = reference(hidden, weight, labels)
    (expected * 0.5).backward()
    torch.testing.assert_close(total, expected.float())
    torch.testing.assert_close(found, (hidden.grad, weight.grad), atol=1e-6, rtol=1e-5)
    assert n_correct == ((hidden @ weight.t()).argmax(1) == labels).sum()


def test_uniform_logits_cost_log_v_each():
    total, _, _ = linear_cross_entropy(torch.zeros(6, 4), torch.randn(32, 4), torch.arange(6))
    assert total.item() == pytest.approx(6 * math.log(32), rel=1e-6)


def test_a_frozen_head_gets_no_gradient():
    hidden = torch.randn(3, 4, requires_grad=True)
    weight = torch.randn(8, 4)
    linear_cross_entropy(hidden, weight, torch.arange(3))[0].backward()
    assert hidden.grad is not None
    assert weight.grad is None


def test_no_targets_cost_nothing():
    hidden = torch.randn(0, 4, requires_grad=True)
    total, _, _ = linear_cross_entropy(hidden, torch.randn(8, 4), torch.zeros(0, dtype=torch.int64))
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
    total, _, _ = linear_cross_entropy(hidden, weight, labels, weights)
    total.backward()
    found = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    each = torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="none")
    (each * weights).sum().backward()
    torch.testing.assert_close(total, (each * weights).sum())
    torch.testing.assert_close(found, (hidden.grad, weight.grad))


@pytest.mark.parametrize("chunk_rows", [1, 3, 64])
def test_log_probabilities_of_rows_and_their_gradients_equal_those_of_whole_logits(
    monkeypatch, chunk_rows
):
    monkeypatch.setattr(loss_module, "LEAST_ROWS", chunk_rows)
    monkeypatch.setitem(loss_module.CHUNK_LOGITS, "cpu", 1)
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, dtype=torch.float64, requires_grad=True)
    labels, outer = torch.randint(0, 11, (7,)), torch.randn(7)
    found = linear_logps(hidden, weight, labels)
    assert found.dtype == torch.float32
    (found * outer).sum().backward()
    gradients = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    expected = (hidden @ weight.t()).log_softmax(1).gather(1, labels[:, None])[:, 0]
    (expected * outer).sum().backward()
    torch.testing.assert_close(found, expected.float())
    torch.testing.assert_close(gradients, (hidden.grad, weight.grad), atol=1e-6, rtol=1e-5)


def test_a_frozen_heads_logits_are_made_once_and_give_the_same_gradients(monkeypatch):
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, dtype=torch.float64)
    labels, outer = torch.randint(0, 11, (7,)), torch.randn(7)
    expected = (hidden @ weight.t()).log_softmax(1).gather(1, labels[:, None])[:, 0]
    [gradient] = torch.autograd.grad((expected * outer).sum(), hidden)
    made = []
    make = logps_module.logits_of
    monkeypatch.setattr(logps_module, "logits_of", lambda *of: made.append(1) or make(*of))
    found = linear_logps(hidden, weight, labels)
    [own] = torch.autograd.grad((found * outer).sum(), hidden)
    assert len(made) == 1
    torch.testing.assert_close(own, gradient, atol=1e-6, rtol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(linear_logps(hidden, weight, labels), found.detach())


def test_log_probabilities_under_autocast_have_gradients_of_the_weights_own_types():
    hidden = torch.randn(4, 8, requires_grad=True)
    weight = torch.randn(16, 8, requires_grad=True)
    labels = torch.arange(4)
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_logps(hidden, weight, labels)
    found.sum().backward()
    exact = (hidden @ weight.t()).log_softmax(1).gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(found, exact, atol=0.1, rtol=0.05)
    [expected] = torch.autograd.grad(exact.sum(), weight)
    assert (hidden.grad.dtype, weight.grad.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(weight.grad, expected, atol=0.05, rtol=0.05)


def test_no_rows_have_no_log_probabilities():
    hidden = torch.randn(0, 4, requires_grad=True)
    found = linear_logps(hidden, torch.randn(8, 4), torch.zeros(0, dtype=torch.int64))
    found.sum().backward()
    assert found.shape == (0,)


WAYS = {  # which gradients are needed, and whether rows have weights
    "of the states": (True, False, False),
    "of both, with weights": (True, True, True),
    "of the head alone": (False, True, False),
    "of the head alone, with weights": (False, True, True),
    "none": (False, False, False),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vocabulary", [11, 5_000])
def test_the_entropy_is_that_of_the_logits_whichever_gradients_are_needed(
    monkeypatch, way, vocabulary
):
    monkeypatch.setattr(loss_module, "LEAST_ROWS", 3)
    monkeypatch.setitem(loss_module.CHUNK_LOGITS, "cpu", 1)
    trains_states, trains_head, is_weighed = WAYS[way]
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, requires_grad=trains_states)
    weight = torch.randn(vocabulary, 5, requires_grad=trains_head)
    labels = torch.randint(0, vocabulary, (7,))
    weights = torch.tensor([1, 0.5, 0, 2, 1, 0.125, 1]) if is_weighed else None
    _, _, entropy = linear_cross_entropy(hidden, weight, labels, weights)
    assert not entropy.requires_grad
    logits = hidden.detach().double() @ weight.detach().double().t()
    expected = torch.distributions.Categorical(logits=logits).entropy().sum()
    torch.testing.assert_close(entropy, expected.float(), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("needs_grad", [True, False])
def test_the_entropy_in_bfloat16_is_as_near_as_that_of_its_logits(needs_grad):
    torch.manual_seed(0)
    hidden = (3 * torch.randn(400, 64)).requires_grad_(needs_grad)
    weight = torch.randn(500, 64) / 8
    labels = (hidden @ weight.t()).argmax(1)
    with torch.autocast("cpu", torch.bfloat16):
        _, _, entropy = linear_cross_entropy(hidden, weight, labels)
    exact = torch.distributions.Categorical(logits=hidden.detach() @ weight.t()).entropy()
    assert entropy / 400 == pytest.approx(exact.mean().item(), abs=3e-3)


def test_the_entropy_of_what_is_sure_is_not_negative():
    hidden = torch.full((50, 4), 40.0, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.eye(4, dtype=torch.bfloat16) * torch.tensor([30.0, 1, 1, 1]).bfloat16()
    _, _, entropy = linear_cross_entropy(hidden, weight, torch.zeros(50, dtype=torch.int64))
    assert entropy.item() == 0
