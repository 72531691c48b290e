from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.methods.freeze import Freeze  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.shape import shape_of  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A folder with a random llama of five blocks."""
    return _llama(tmp_path_factory.mktemp("deep"), tied=False)


@pytest.fixture(scope="session")
def tied(tmp_path_factory):
    """The same with one weight for embeddings and head."""
    return _llama(tmp_path_factory.mktemp("tied"), tied=True)


def _llama(folder, *, tied):
    config = transformers.LlamaConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=5, num_attention_heads=2,
        num_key_value_heads=1, vocab_size=50, tie_word_embeddings=tied, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def frozen(folder, dtype="float32", **fields):
    model = load_model(Model(path=str(folder), dtype=dtype), device=CPU)
    Freeze(**fields).apply(model)
    return model


def trained(model):
    return {n.removesuffix(".weight") for n, p in model.named_parameters() if p.requires_grad}


def blocks(model):
    return {int(n.split(".")[2]) for n in trained(model) if n.startswith("model.layers")}


@pytest.fixture
def ids():
    return torch.randint(3, 50, (2, 9), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("layers", "expected"), [(1, {4}), (2, {3, 4}), (-1, {0}), (-2, {0, 1}), (5, {0, 1, 2, 3, 4})]
)
def test_the_last_blocks_train_or_the_first(deep, layers, expected):
    model = frozen(deep, layers=layers)
    assert blocks(model) == expected
    assert len(trained(model)) == len(expected) * 9


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["mlp"], {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}),
        (["q_proj"], {"self_attn.q_proj"}),
        (["self_attn.[qv]_proj"], {"self_attn.q_proj", "self_attn.v_proj"}),
        ([".*_layernorm"], {"input_layernorm", "post_attention_layernorm"}),
    ],
)
def test_modules_are_named_or_given_as_patterns(deep, modules, expected):
    model = frozen(deep, layers=1, modules=modules)
    assert trained(model) == {f"model.layers.4.{name}" for name in expected}


def test_extra_modules_train_beside_the_blocks(deep):
    model = frozen(deep, layers=1, modules=["o_proj"], extra_modules=["model.norm", "lm_head"])
    assert trained(model) == {"model.layers.4.self_attn.o_proj", "model.norm", "lm_head"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"layers": 6}, "method.layers: 6, and the model has 5 blocks"),
        ({"modules": ["q_prj"]}, "nothing in a block fits 'q_prj'. Did you mean 'q_proj'"),
        ({"modules": ["("]}, r"method.modules: '\(' is no pattern"),
        ({"extra_modules": ["lm_hed"]}, "no layer named 'lm_hed'. Did you mean 'lm_head'"),
    ],
)
def test_what_the_model_does_not_have_is_named(deep, fields, named):
    with pytest.raises(RecipeError, match=named):
        frozen(deep, **fields)


def test_training_nothing_is_refused(deep):
    with pytest.raises(RecipeError, match=r"trains nothing\. Set method\.layers"):
        frozen(deep, layers=0)


def test_nothing_is_recorded_below_the_first_trained_block(deep, ids):
    """Counted in the graph: a block's output has a history only from block 3 upwards."""
    model = frozen(deep, layers=2).train()
    recorded = []
    for block in model.model.layers:
        block.register_forward_hook(
            lambda module, inputs, output: recorded.append(output.requires_grad)
        )
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        loss = model(ids, use_cache=False).logits.logsumexp(-1).sum()
        n_two = len(saved)
        frozen_head = frozen(deep, layers=1).train()
        saved.clear()
        frozen_head(ids, use_cache=False).logits.logsumexp(-1).sum()
        n_one = len(saved)
    assert recorded == [False, False, False, True, True]
    assert n_one < 0.6 * n_two
    loss.backward()
    assert all((p.grad is not None) == p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ("extra", "shared"),
    [(["lm_head"], False), (["embed_tokens"], False), (["lm_head", "embed_tokens"], True)],
)
def test_a_tied_head_is_parted_where_one_side_trains(tied, ids, tmp_path, extra, shared):
    before = load_model(Model(path=str(tied)), device=CPU)(ids).logits
    method = Freeze(layers=0, extra_modules=extra)
    model = frozen(tied, layers=0, extra_modules=extra)
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    assert (head.weight is embeddings.weight) == shared
    n_trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    config = json.loads((tied / "config.json").read_text())
    assert n_trained == method.n_trained(shape_of(config, "x")) == 50 * 16
    torch.testing.assert_close(model(ids).logits, before)
    with torch.no_grad():
        head.weight[:7] += 0.3
        embeddings.weight[5:20] -= 0.2
    method.save(model, tmp_path, BaseIdentity(str(tied), None, "x"))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    torch.testing.assert_close(theirs(ids).logits, model(ids).logits)
    assert theirs.config.tie_word_embeddings is shared


def test_what_trains_in_a_bfloat16_model_is_held_in_float32(deep, ids):
    model = frozen(deep, dtype="bfloat16", layers=1, modules=["mlp"])
    types = {name: p.dtype for name, p in model.named_parameters()}
    assert types["model.layers.3.mlp.up_proj.weight"] == torch.bfloat16
    assert types["model.layers.4.mlp.up_proj.weight"] == torch.float32
    model(ids).logits.sum().backward()


@pytest.mark.parametrize(
    "method",
    [
        {"name": "freeze", "layers": 1},
        {"name": "freeze", "layers": -1, "modules": ["mlp"], "extra_modules": ["model.norm"]},
        {"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]},
    ],
)
def test_a_run_leaves_weights_that_transformers_loads(recipe_fields, tiny, ids, method):
    recipe = make_recipe({**recipe_fields, "method": method})
    planned = dry_run(recipe)["method"]["trained_parameters"]
    run = train(recipe)
    assert run.summary["trainable_parameters"] == planned
    assert run.summary["eval_loss_best"] < run.summary["eval_loss_first"]
    theirs = transformers.AutoModelForCausalLM.from_pretrained(run.artifact, dtype=torch.float32)
    ours = load(run).causal_lm
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-5, rtol=1e-5)
    base = load_model(Model(path=str(tiny)), device=CPU).state_dict()
    changed = {n.removesuffix(".weight") for n, w in theirs.state_dict().items()
               if not torch.equal(w, base[n])}  # fmt: skip
    model = load_model(Model(path=str(tiny)), device=CPU)
    recipe.method.apply(model)
    assert changed == trained(model)
