"""Shared dropout: layers that read the same input zero the same of it, in both ways alike."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from llamas import CLOSE, assert_alike, gradients, network  # noqa: E402

from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.qlora import QLoRA  # noqa: E402
from tunesmith.model.batch import Batch  # noqa: E402
from tunesmith.model.fused import Linear, whole  # noqa: E402
from tunesmith.model.fused.dropout import Masks, drop_mask  # noqa: E402
from tunesmith.model.load import recompute_activations  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402

N, WIDTH = 24, 32
DROPS = {"rank": 4, "dropout": 0.25}
"""A quarter: the probability that 16 random bits give is that very one."""


def adapted(method):
    """A small Llama in training, its updates away from their start."""
    model = network()
    method.apply(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.1 * torch.randn_like(layer.lora_B)
    return model.train()


def line_of(n):
    """One row without padding, each of its places a target: no way computes less than another."""
    ids = torch.randint(5, 97, (1, n), generator=torch.Generator().manual_seed(0))
    return Batch(ids, torch.arange(n), {}, n_targets=n, n_tokens=n, lengths=(n,))


@pytest.mark.parametrize("forward", ["module", "fused", "whole"])
@pytest.mark.parametrize("shares", [True, False])
def test_readers_of_one_input_drop_the_same_if_told(forward, shares):
    """Three layers with the same weights and updates give the same only if masks are the same."""
    model = adapted(LoRA(**DROPS, shared_dropout=shares))
    attention = model.model.layers[0].self_attn
    twins = [attention.k_proj, attention.v_proj]
    with torch.no_grad():
        for ours, theirs in zip(twins[0].parameters(), twins[1].parameters(), strict=True):
            theirs.copy_(ours)
    x, ones = torch.randn(N, WIDTH), torch.ones(WIDTH)
    if forward == "module":
        found = [layer(x) for layer in twins]
    else:
        trunk = TaskModel(model, OBJECTIVES.parse("tokens")).trunk
        layers = [trunk.weights.of(layer) for layer in twins]
        if forward == "whole":
            found = whole.normed_linears(x, ones, 1e-5, layers, True)
        else:
            found = trunk._normed(
                model.model.layers[0], x, model.model.layers[0].input_layernorm, twins
            )
    assert torch.equal(found[0], found[1]) == shares
    before, after = (twins[0](torch.ones(N, WIDTH)) for _ in range(2))
    assert not torch.equal(before, after)  # another input, another mask


@pytest.mark.parametrize("again", [False, True])
def test_both_ways_have_the_same_masks_from_the_same_seed(again):
    """They read the same inputs in the same order, and draw once for each."""
    batch, found = line_of(N), []
    wanted = torch.randn(N, WIDTH)
    for fused in (True, False):
        model = adapted(LoRA(**DROPS, shared_dropout=True))
        if again:
            recompute_activations(model)
        ours = TaskModel(model, OBJECTIVES.parse("tokens"), fused=fused)
        assert (ours.trunk is not None) == fused
        torch.manual_seed(5)
        states = ours.states(batch)
        loss = (states * wanted).sum()
        found.append((states.detach(), gradients(model, loss), torch.get_rng_state()))
    torch.testing.assert_close(found[0][0], found[1][0], **CLOSE)
    assert_alike(found[0][1], found[1][1])
    assert torch.equal(found[0][2], found[1][2])


def test_four_masks_are_drawn_for_the_seven_layers_of_a_block(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "tunesmith.model.fused.dropout.drop_mask",
        lambda x, p: drawn.append(x.shape[-1]) or drop_mask(x, p),
    )
    model = adapted(LoRA(**DROPS, shared_dropout=True))
    TaskModel(model, OBJECTIVES.parse("tokens")).states(line_of(N))
    assert drawn == [32, 32, 32, 64] * 3
    model.eval()
    TaskModel(model, OBJECTIVES.parse("tokens")).states(line_of(N))
    assert len(drawn) == 12


def test_whole_tensors_have_the_gradients_of_the_mask():
    """Against autograd, with the mask that the seed gives."""
    x = torch.randn(N, WIDTH, requires_grad=True)
    masks, scale = Masks(), 1.5
    layers = [
        Linear(
            torch.randn(8, WIDTH),
            a=torch.randn(3, WIDTH, requires_grad=True),
            b=torch.randn(8, 3, requires_grad=True),
            scale=scale,
            dropout=0.25,
            masks=masks,
        )
        for _ in range(2)
    ]
    torch.manual_seed(2)
    mask, left = drop_mask(x, 0.25)
    torch.manual_seed(2)
    found = whole.normed_linears(x, torch.ones(WIDTH), 1e-5, layers, True)
    sum(one.square().sum() for one in found).backward()
    ours = [x.grad, *(t.grad for layer in layers for t in (layer.a, layer.b))]
    for tensor in (x, *(t for layer in layers for t in (layer.a, layer.b))):
        tensor.grad = None
    n = torch.nn.functional.rms_norm(x, (WIDTH,), eps=1e-5)
    total = torch.zeros(())
    for layer in layers:
        low = (n * mask / left) @ layer.a.t()
        total = total + (n @ layer.weight.t() + scale * low @ layer.b.t()).square().sum()
    total.backward()
    theirs = [x.grad, *(t.grad for layer in layers for t in (layer.a, layer.b))]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)


def test_qlora_has_it_and_without_dropout_nothing_is_drawn():
    assert QLoRA(shared_dropout=True).shared_dropout
    model = adapted(LoRA(rank=4, shared_dropout=True))
    before = torch.get_rng_state()
    TaskModel(model, OBJECTIVES.parse("tokens")).states(line_of(N))
    assert torch.equal(torch.get_rng_state(), before)
