"""Where the first trained weight lies."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from tests.conftest import TINY_CONFIG  # noqa: E402
from tunesmith.methods import METHODS  # noqa: E402
from tunesmith.model.cut import Cut, find_cut  # noqa: E402
from tunesmith.model.load import recompute_activations  # noqa: E402


@pytest.fixture
def model():
    return LlamaForCausalLM(LlamaConfig(**{**TINY_CONFIG, "num_hidden_layers": 3}, vocab_size=64))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"name": "freeze", "layers": 1}, 2),
        ({"name": "freeze", "layers": 2, "modules": ["mlp"]}, 1),
        ({"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]}, None),
        ({"name": "freeze", "layers": 0, "extra_modules": ["model.norm"]}, 3),
        ({"name": "freeze", "layers": -1}, "the first layer trains"),
        (
            {"name": "freeze", "layers": 1, "extra_modules": ["embed_tokens"]},
            "the embeddings train",
        ),
        ({"name": "full"}, "the embeddings train"),
        ({"name": "lora"}, "the first layer trains"),
        ({"name": "lora", "targets": ["layers.2.self_attn.q_proj"]}, 2),
    ],
)
def test_it_is_below_the_first_trained_layer(model, method, expected):
    METHODS.parse(method).apply(model)
    found = find_cut(model)
    if isinstance(expected, str):
        assert found == expected
        return
    assert isinstance(found, Cut)
    assert found.layer == expected
    below = 3 if expected is None else expected
    assert found.n_layers_below == below
    d, f, k = 32, 64, 16
    assert found.n_frozen == below * (2 * d * d + 2 * d * k + 3 * d * f)


def test_dropout_in_attention_is_no_frozen_state(model):
    METHODS.parse({"name": "freeze", "layers": 1}).apply(model)
    model.config.attention_dropout = 0.1
    assert find_cut(model) == "frozen layers have dropout"


def test_recomputation_leaves_frozen_layers_without_gradients(model):
    METHODS.parse({"name": "freeze", "layers": 1}).apply(model)
    recompute_activations(model)
    assert isinstance(find_cut(model), Cut)
    seen = []
    for layer in model.model.layers:
        layer.register_forward_hook(lambda m, given, out: seen.append(out.requires_grad))
    model.train()(input_ids=torch.tensor([[1, 2, 3]]), use_cache=False).logits.sum().backward()
    assert seen[:3] == [False, False, True]
    assert model.model.layers[2].mlp.up_proj.weight.grad is not None
