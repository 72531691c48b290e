from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
bitsandbytes = pytest.importorskip("bitsandbytes")

from tunesmith.core.errors import ModelError, RecipeError  # noqa: E402
from tunesmith.methods.qlora import QLoRA  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.quantised import dense_weight, four_bit_layers, written_out_fits  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402

CPU = torch.device("cpu")


def quantised(folder, **fields):
    options = QLoRA(**fields).load_options(torch.float32)
    return load_model(Model(path=str(folder)), device=CPU, options=options)


@pytest.mark.parametrize("quant_type", ["nf4", "fp4"])
@pytest.mark.parametrize("double_quant", [True, False])
def test_four_bits_are_those_of_bitsandbytes(tiny, quant_type, double_quant):
    """Quantised by hand with its functions, the weights are the same to the bit."""
    plain = load_model(Model(path=str(tiny)), device=CPU)
    model = quantised(tiny, quant_type=quant_type, double_quant=double_quant)
    for name in ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"):
        weight = plain.get_submodule(name).weight.detach()
        packed, state = bitsandbytes.functional.quantize_4bit(
            weight, quant_type=quant_type, compress_statistics=double_quant
        )
        expected = bitsandbytes.functional.dequantize_4bit(packed, state)
        layer = model.get_submodule(name)
        assert torch.equal(dense_weight(layer), expected)
        x = torch.randn(3, 7, layer.in_features, requires_grad=True)
        theirs = bitsandbytes.matmul_4bit(x, packed, quant_state=state)
        torch.testing.assert_close(layer(x), theirs, atol=0, rtol=0)
        torch.testing.assert_close(layer(x), x @ expected.T, atol=1e-5, rtol=1e-5)
        (gradient,) = torch.autograd.grad(layer(x).sum(), x)
        torch.testing.assert_close(gradient, expected.sum(0).expand_as(x), atol=1e-5, rtol=1e-5)


def test_use_does_not_change_the_weights_that_are_trained_beside(tiny):
    model = quantised(tiny)
    layer = model.model.layers[0].self_attn.q_proj
    before, x = dense_weight(layer), torch.randn(2, 3, layer.in_features)
    with torch.no_grad():
        in_use = layer.eval()(x)
        assert torch.equal(dense_weight(layer), before)
        torch.testing.assert_close(layer.train()(x), in_use)


def test_eight_bits_are_within_half_a_grid_step(tiny):
    plain = load_model(Model(path=str(tiny)), device=CPU)
    name = "model.layers.0.self_attn.q_proj"
    weight = plain.get_submodule(name).weight.detach()
    found = dense_weight(quantised(tiny, bits=8).get_submodule(name))
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((found - weight).abs() <= 0.51 * step + 1e-3 * weight.abs()).all()


def test_what_is_quantised_cannot_train_whole(tiny):
    method = QLoRA(targets=["q_proj"], extra_modules=["v_proj"])
    with pytest.raises(RecipeError, match="is quantised and cannot be trained whole"):
        method.apply(quantised(tiny, targets=["q_proj"], extra_modules=["v_proj"]))


def test_fresh_weights_are_not_quantised_in_silence(tiny):
    spec = Model(path=str(tiny), init="random")
    with pytest.raises(ModelError, match="fresh weights are not quantised"):
        load_model(spec, device=CPU, options=QLoRA().load_options(torch.float32))


def test_updates_stand_beside_quantised_layers_in_float32(tiny):
    model = quantised(tiny)
    QLoRA(rank=4).apply(model)
    layers = dict(lora_layers(model))
    assert len(layers) == 14
    assert {layer.lora_A.dtype for layer in layers.values()} == {torch.float32}
    ids = torch.randint(5, 3000, (2, 9))
    model.train()(ids).logits.logsumexp(-1).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in model.parameters())


def test_weights_written_out_once_train_to_the_same_bits(recipe_fields, tmp_path, capsys):
    import tunesmith
    from tunesmith.recipe import make_recipe

    runs = []
    for when in ("each_pass", "once", "auto"):
        fields = {**recipe_fields, "method": {"name": "qlora", "rank": 4, "write_out": when}}
        fields["out"] = str(tmp_path / when)
        runs.append(tunesmith.train(make_recipe(fields)))
    losses = [run.summary["eval_loss_best"] for run in runs]
    assert losses[0] == losses[1] == losses[2]
    saved = [(run.artifact / "adapter_model.safetensors").read_bytes() for run in runs]
    assert saved[0] == saved[1] == saved[2]
    assert "write_out" not in capsys.readouterr().err  # a CPU keeps few bits


def test_written_out_layers_hold_nothing_else(tiny):
    model = quantised(tiny)
    wanted = {name: dense_weight(layer) for name, layer in four_bit_layers(model)}
    QLoRA(write_out="once").apply(model)
    assert wanted and not four_bit_layers(model)
    for name, layer in lora_layers(model):
        assert torch.equal(layer.base.weight, wanted[name])
        assert not layer.base.weight.requires_grad
    assert not written_out_fits(model)
