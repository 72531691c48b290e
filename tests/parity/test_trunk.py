"""The trunk computes what transformers' forward computes, with PEFT's adapters too: loss and every
gradient, for each build, method and head it takes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from llamas import (  # noqa: E402
    BUILDS,
    CLOSE,
    assert_alike,
    batch_of,
    gradients,
    network,
    their_loss,
)

from tunesmith.methods.freeze import Freeze  # noqa: E402
from tunesmith.methods.full import Full  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.qlora import QLoRA  # noqa: E402
from tunesmith.model.head import Head  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("form", ["padded", "line"])
def test_every_build(build, form):
    model, batch = network(build).train(), batch_of()
    ours = TaskModel(model, OBJECTIVES.parse("tokens"))
    assert ours.trunk is not None
    # In float64, since in float32 rounding alone takes theirs 2e-5 off where keys have biases.
    exact = network(build).train().double()
    expected = their_loss(exact, batch)
    theirs = {name: gradient.float() for name, gradient in gradients(exact, expected).items()}
    found = ours(batch if form == "padded" else packed(batch)).total
    torch.testing.assert_close(found, expected.float(), **CLOSE)
    assert_alike(gradients(model, found), theirs)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_few_targets_and_all_of_them(share):
    model, batch = network().train(), batch_of(share=share)
    expected = their_loss(model, batch)
    theirs = gradients(model, expected)
    found = TaskModel(model, OBJECTIVES.parse("tokens"))(batch).total
    torch.testing.assert_close(found, expected, **CLOSE)
    assert_alike(gradients(model, found), theirs)


METHODS = {
    "full": Full(),
    "freeze": Freeze(layers=1),
    "freeze, the first": Freeze(layers=-1),
    "freeze, head alone": Freeze(layers=0, extra_modules=["lm_head"]),
    "freeze, parts": Freeze(layers=2, modules=["mlp", "q_proj"]),
    "lora": LoRA(rank=4),
    "rslora": LoRA(rank=4, rslora=True),
    "dora": LoRA(rank=4, dora=True),
    "pissa": LoRA(rank=4, init="pissa"),
    "pissa and dora": LoRA(rank=4, init="pissa", dora=True),
    "some layers": LoRA(rank=4, targets=["q_proj", "down_proj"]),
    "other layers": LoRA(rank=4, targets=["v_proj", "gate_proj"]),
    "whole modules": LoRA(rank=4, extra_modules=["lm_head", "embed_tokens", "model.norm"]),
    "whole layers": LoRA(rank=4, targets=["q_proj"], extra_modules=["k_proj", "up_proj"]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("build", ["llama, tied, all heads", "qwen2"])
def test_every_method(build, method):
    model, batch = network(build), batch_of()
    METHODS[method].apply(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.1 * torch.randn_like(layer.lora_B)
            layer.lora_A += 0.1 * torch.randn_like(layer.lora_A)
    model.train()
    expected = their_loss(model, batch)
    theirs = gradients(model, expected)
    found = TaskModel(model, OBJECTIVES.parse("tokens"))(batch).total
    torch.testing.assert_close(found, expected, **CLOSE)
    ours = gradients(model, found)
    assert ours.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    assert_alike(ours, theirs)


@pytest.mark.parametrize("rslora", [False, True])
def test_adapters_of_peft(rslora):
    """Our trunk over our layers against PEFT's model as it stands."""
    peft = pytest.importorskip("peft")
    batch = batch_of()
    ours = network("qwen2")
    LoRA(rank=4, alpha=8, rslora=rslora).apply(ours)
    config = peft.LoraConfig(r=4, lora_alpha=8, use_rslora=rslora, target_modules="all-linear",
                             task_type="CAUSAL_LM")  # fmt: skip
    theirs = peft.get_peft_model(network("qwen2"), config)
    mine = dict(lora_layers(ours))
    torch.manual_seed(2)
    pairs = []
    for name, parameter in theirs.named_parameters():
        if parameter.requires_grad:
            layer, half = name.removeprefix("base_model.model.").split(".lora_")
            own = getattr(mine[layer], f"lora_{half[0]}")
            with torch.no_grad():
                own.copy_(parameter.copy_(0.1 * torch.randn_like(parameter)))
            pairs.append((own, parameter))
    assert len(pairs) == 2 * len(mine)
    found = TaskModel(ours.train(), OBJECTIVES.parse("tokens"))(batch).total
    expected = their_loss(theirs.train(), batch)
    torch.testing.assert_close(found, expected, **CLOSE)
    (found.backward(), expected.backward())
    for own, parameter in pairs:
        scale = parameter.grad.abs().max()
        torch.testing.assert_close(own.grad / scale, parameter.grad / scale, **CLOSE)


@pytest.mark.parametrize("fields", [{"bits": 4}, {"bits": 4, "double_quant": False}, {"bits": 8}])
def test_weights_in_few_bits(tiny, fields):
    """bitsandbytes' layers are called by transformers' forward, and read by the trunk."""
    pytest.importorskip("bitsandbytes")
    method = QLoRA(rank=4, **fields)
    model = load_model(
        Model(path=str(tiny)), device=CPU, options=method.load_options(torch.float32)
    )
    method.apply(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.1 * torch.randn_like(layer.lora_B)
    # Of one length: rounded to eight bits, inputs differ by which rows are beside them.
    batch = batch_of((20, 20, 20), share=1.0)
    model.train()
    expected = their_loss(model, batch)
    theirs = gradients(model, expected)
    found = TaskModel(model, OBJECTIVES.parse("tokens"))(batch).total
    close = 1e-5 if fields["bits"] == 4 else 3e-2
    torch.testing.assert_close(found, expected, atol=close, rtol=close)
    assert_alike(gradients(model, found), theirs, close)


@pytest.mark.parametrize("kind", ["sequence-classification", "question-answering"])
def test_heads_of_tasks(tiny, kind):
    head = Head(kind, labels=("a", "b", "c") if kind.startswith("seq") else ())
    model = load_model(Model(path=str(tiny)), device=CPU, head=head)
    LoRA(rank=4).apply(model)
    batch = batch_of()
    torch.manual_seed(0)
    wanted = torch.randn(len(batch.target_rows), head.n_outputs)
    found = []
    for fused in (True, False):
        ours = TaskModel(model.train(), OBJECTIVES.parse("tokens"), fused=fused)
        found.append(gradients(model, (ours.head(ours.states(batch)) * wanted).sum()))
    assert f"{head.module}.trained.weight" in found[0]
    assert_alike(*found)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_in_bfloat16_no_worse_than_theirs(method):
    """Both are compared with float32: distances of all gradients together."""
    model, batch = network("llama").train(), batch_of((40, 33, 60), share=0.5)
    METHODS[method].apply(model)
    exact = gradients(model, their_loss(model, batch))
    with torch.autocast("cpu", torch.bfloat16):
        expected = their_loss(model, batch)
    theirs = gradients(model, expected)
    ours = TaskModel(model, OBJECTIVES.parse("tokens"))
    with torch.autocast("cpu", torch.bfloat16):
        found = ours(batch).total
    errors = [
        torch.cat([(given[n] - g).flatten() for n, g in exact.items()]).norm()
        for given in (gradients(model, found), theirs)
    ]
    assert errors[0] <= 1.1 * errors[1]
    torch.testing.assert_close(found, their_loss(model, batch), atol=0, rtol=1e-2)
