from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError, RecipeError  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model.adapter import load_adapter  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import adapter_off, lora_layers  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402

CPU = torch.device("cpu")


def base(folder):
    return load_model(Model(path=str(folder)), device=CPU)


def tuned(folder, **fields):
    """A model whose adapter does something."""
    model = base(folder)
    LoRA(**fields).apply(model)
    torch.manual_seed(1)
    for _, layer in lora_layers(model):
        torch.nn.init.normal_(layer.lora_B, std=0.05)
    return model


@pytest.fixture
def ids():
    return torch.randint(5, 3000, (2, 12), generator=torch.Generator().manual_seed(0))


def test_an_adapter_starts_as_its_base(tiny, ids):
    model = base(tiny)
    before = model(ids).logits
    LoRA(rank=4).apply(model)
    torch.testing.assert_close(model(ids).logits, before)


def test_all_linear_layers_but_the_head_get_an_update(tiny):
    model = tuned(tiny, rank=4)
    names = {name.rpartition(".")[2] for name, _ in lora_layers(model)}
    assert names == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all(name.rpartition(".")[2] in ("lora_A", "lora_B") for name in trained)
    assert len(trained) == 2 * 7 * 2


def test_a_misspelt_target_gets_a_suggestion(tiny):
    with pytest.raises(RecipeError, match=r"no linear layer named 'q_prj'. Did you mean 'q_proj'"):
        LoRA(targets=["q_prj"]).apply(base(tiny))


def test_the_base_answers_as_before_inside_adapter_off(tiny, ids):
    expected = base(tiny)(ids).logits
    model = tuned(tiny, rank=4)
    assert not torch.allclose(model(ids).logits, expected, atol=1e-3)
    with adapter_off(model):
        torch.testing.assert_close(model(ids).logits, expected)
    assert not torch.allclose(model(ids).logits, expected, atol=1e-3)


@pytest.mark.parametrize("fields", [{"rank": 4}, {"rank": 8, "alpha": 4, "targets": ["q_proj"]}])
def test_peft_reads_what_we_save_and_we_read_it_again(tiny, ids, tmp_path, fields):
    peft = pytest.importorskip("peft")
    model = tuned(tiny, **fields)
    LoRA(**fields).save(model, tmp_path, BaseIdentity(str(tiny), None, "x"))
    theirs = peft.PeftModel.from_pretrained(base(tiny), str(tmp_path)).eval()
    torch.testing.assert_close(theirs(ids).logits, model(ids).logits, atol=1e-5, rtol=1e-5)
    ours = base(tiny)
    load_adapter(ours, tmp_path)
    torch.testing.assert_close(ours(ids).logits, model(ids).logits)


@pytest.mark.parametrize("use_rslora", [False, True])
def test_we_read_what_peft_saves(tiny, ids, tmp_path, use_rslora):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(
        r=4, lora_alpha=12, target_modules="all-linear", init_lora_weights=False,
        use_rslora=use_rslora, task_type="CAUSAL_LM",
    )  # fmt: skip
    theirs = peft.get_peft_model(base(tiny), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = base(tiny)
    load_adapter(ours, tmp_path)
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-5, rtol=1e-5)


def test_fault_18_an_adapter_of_another_base_is_refused(tiny, tmp_path):
    LoRA(rank=4).save(tuned(tiny, rank=4), tmp_path / "", BaseIdentity("x/y", None, "x"))
    other = base(tiny)
    del other.model.layers[1]
    with pytest.raises(ModelError, match="belongs to another base"):
        load_adapter(other, tmp_path)


def test_fault_7_a_damaged_adapter_is_named(tiny, tmp_path):
    LoRA(rank=4).save(tuned(tiny, rank=4), tmp_path, BaseIdentity(str(tiny), None, "x"))
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors: damaged or missing"):
        load_adapter(base(tiny), tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lora_bias": True}, "lora_bias is not supported"),
        ({"init_lora_weights": "olora"}, "'olora' changes the base's weights too"),
        ({"use_dora": True}, "lora_magnitude_vector does not go with use_dora"),
    ],
)
def test_a_variant_we_do_not_know_is_refused(tiny, tmp_path, change, reason):
    LoRA(rank=4).save(tuned(tiny, rank=4), tmp_path, BaseIdentity(str(tiny), None, "x"))
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ModelError, match=reason):
        load_adapter(base(tiny), tmp_path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "no weights in safetensors form"),
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "broken JSON"),
        (
            lambda f: (f / "model.safetensors").write_bytes(
                (f / "model.safetensors").read_bytes()[:5000]
            ),
            "cannot be loaded",
        ),
    ],
)
def test_a_damaged_model_folder_is_answered(tiny, tmp_path, damage, reason):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    damage(folder)
    with pytest.raises(ModelError, match=reason):
        base(folder)


def test_pickled_weights_are_refused(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only pytorch_model\.bin, which can run code"):
        base(folder)


def test_a_layer_that_is_missing_in_the_weights_is_named(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"the weights hold no 'model\.layers\.2"):
        base(folder)


def test_an_adapter_that_lacks_a_half_is_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    LoRA(rank=4).save(tuned(tiny, rank=4), tmp_path, BaseIdentity(str(tiny), None, "x"))
    file = tmp_path / "adapter_model.safetensors"
    tensors = load_file(file)
    del tensors[next(key for key in tensors if "lora_B" in key)]
    save_file(tensors, file)
    with pytest.raises(ModelError, match="incomplete: .* lacks a half"):
        load_adapter(base(tiny), tmp_path)


def test_a_model_whose_logits_are_changed_behind_the_head_is_refused(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text()) | {"final_logit_softcapping": 30.0}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="final_logit_softcapping .* not supported"):
        base(folder)
