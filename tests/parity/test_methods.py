"""LoRA in all its forms computes what PEFT computes, and its adapters go both ways."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from peft.optimizers import create_loraplus_optimizer  # noqa: E402

from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model.adapter import load_adapter  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import adapter_off, lora_layers  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.trained_copy import trained_copies  # noqa: E402
from tunesmith.training.optim import build_optimizer, trained_parameters  # noqa: E402
from tunesmith.training.settings import Optim  # noqa: E402

CPU = torch.device("cpu")
PREFIX = "base_model.model."
CLOSE = {"atol": 1e-5, "rtol": 1e-5}

FORMS = {
    "lora": ({"rank": 4}, {"r": 4, "lora_alpha": 8}),
    "rslora": (
        {"rank": 8, "alpha": 4, "rslora": True},
        {"r": 8, "lora_alpha": 4, "use_rslora": True},
    ),
    "dora": ({"rank": 4, "dora": True}, {"r": 4, "lora_alpha": 8, "use_dora": True}),
    "rslora-dora": (
        {"rank": 4, "dora": True, "rslora": True},
        {"r": 4, "lora_alpha": 8, "use_dora": True, "use_rslora": True},
    ),
    "patterns": (
        {
            "rank": 4,
            "rank_pattern": {"q_proj": 2, "layers.1.mlp.*": 6},
            "alpha_pattern": {"layers.0.self_attn.v_proj": 3},
        },
        {
            "r": 4,
            "lora_alpha": 8,
            "rank_pattern": {"q_proj": 2, "layers.1.mlp.*": 6},
            "alpha_pattern": {"layers.0.self_attn.v_proj": 3},
        },
    ),
    "targets": (
        {"rank": 4, "targets": ["q_proj", "down_proj"]},
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"]},
    ),
    "extra": (
        {"rank": 4, "extra_modules": ["lm_head", "embed_tokens", "model.norm"]},
        {"r": 4, "lora_alpha": 8, "modules_to_save": ["lm_head", "embed_tokens", "model.norm"]},
    ),
    "pissa": (
        {"rank": 4, "init": "pissa", "init_iterations": -1},
        {"r": 4, "lora_alpha": 8, "init_lora_weights": "pissa"},
    ),
    "pissa-dora": (
        {"rank": 4, "init": "pissa", "init_iterations": -1, "dora": True, "rslora": True},
        {"r": 4, "lora_alpha": 8, "init_lora_weights": "pissa", "use_dora": True,
         "use_rslora": True},
    ),
}  # fmt: skip


def base(folder):
    return load_model(Model(path=str(folder)), device=CPU)


def ours_of(folder, fields):
    model = base(folder)
    torch.manual_seed(3)
    LoRA(**fields).apply(model)
    return model


def theirs_of(folder, fields):
    config = peft.LoraConfig(**{"target_modules": "all-linear", "task_type": "CAUSAL_LM", **fields})
    return peft.get_peft_model(base(folder), config)


def our_parameters(model):
    """Trained parameters by the names PEFT has for them."""
    found = {}
    for name, layer in lora_layers(model):
        found[f"{name}.lora_A.weight"] = layer.lora_A
        found[f"{name}.lora_B.weight"] = layer.lora_B
        if layer.lora_magnitude_vector is not None:
            found[f"{name}.lora_magnitude_vector.weight"] = layer.lora_magnitude_vector
    for name, copy in trained_copies(model):
        found[f"{name}.weight"] = copy.trained.weight
    return found


def their_parameters(model):
    names = (".default", ".modules_to_save")
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            for part in names:
                name = name.replace(part, "")
            found[name.removeprefix(PREFIX)] = parameter
    return found


def disturbed(ours, theirs=None):
    """Moves every trained weight away from its start, in both models alike."""
    generator = torch.Generator().manual_seed(1)
    mine = our_parameters(ours)
    others = their_parameters(theirs) if theirs is not None else {}
    assert theirs is None or mine.keys() == others.keys()
    with torch.no_grad():
        for name, parameter in sorted(mine.items()):
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
            if theirs is not None:
                others[name].copy_(parameter)


@pytest.fixture
def ids():
    return torch.randint(5, 3000, (2, 12), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("form", FORMS)
def test_forward_and_gradients_equal_those_of_peft(tiny, ids, form):
    fields, peft_fields = FORMS[form]
    ours, theirs = ours_of(tiny, fields), theirs_of(tiny, peft_fields)
    torch.testing.assert_close(ours(ids).logits, base(tiny)(ids).logits, **CLOSE)
    disturbed(ours, theirs)
    logits = [model(ids).logits for model in (ours, theirs)]
    torch.testing.assert_close(*logits, **CLOSE)
    for one in logits:
        torch.nn.functional.cross_entropy(
            one[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
        ).backward()
    mine, others = our_parameters(ours), their_parameters(theirs)
    assert {n for n, p in ours.named_parameters() if p.grad is not None} == set(
        trained_parameters(ours)
    )
    for name, parameter in mine.items():
        torch.testing.assert_close(
            parameter.grad,
            others[name].grad,
            atol=1e-7,
            rtol=1e-5,
            msg=lambda m, n=name: f"{n} {m}",
        )


@pytest.mark.parametrize("form", ["lora", "dora", "pissa"])
def test_dropout_falls_where_peft_has_it(tiny, ids, form):
    """Layer by layer with the same seed, so that the same inputs are zeroed."""
    fields, peft_fields = FORMS[form]
    ours = ours_of(tiny, {**fields, "dropout": 0.4}).train()
    theirs = theirs_of(tiny, {**peft_fields, "lora_dropout": 0.4}).train()
    disturbed(ours, theirs)
    x = torch.randn(2, 5, 32)
    for name, layer in lora_layers(ours):
        if layer.base.in_features == 32:
            torch.manual_seed(7)
            mine = layer(x)
            torch.manual_seed(7)
            torch.testing.assert_close(
                mine, theirs.base_model.model.get_submodule(name)(x), **CLOSE
            )


@pytest.mark.parametrize("form", FORMS)
def test_peft_loads_what_we_save_and_we_read_it_again(tiny, ids, tmp_path, form):
    fields, _ = FORMS[form]
    model = ours_of(tiny, fields)
    disturbed(model)
    LoRA(**fields).save(model, tmp_path, BaseIdentity(str(tiny), None, "x"))
    theirs = peft.PeftModel.from_pretrained(base(tiny), str(tmp_path)).eval()
    torch.testing.assert_close(theirs(ids).logits, model(ids).logits, **CLOSE)
    again = base(tiny)
    load_adapter(again, tmp_path)
    torch.testing.assert_close(again(ids).logits, model(ids).logits, **CLOSE)
    with adapter_off(again):
        torch.testing.assert_close(again(ids).logits, base(tiny)(ids).logits)


@pytest.mark.parametrize("form", FORMS)
def test_we_load_what_peft_saves(tiny, ids, tmp_path, form):
    fields, peft_fields = FORMS[form]
    theirs = theirs_of(tiny, peft_fields).eval()
    disturbed(ours_of(tiny, fields), theirs)
    theirs.save_pretrained(tmp_path)
    ours = base(tiny)
    load_adapter(ours, tmp_path)
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, **CLOSE)


def test_a_pissa_adapter_that_peft_converted_is_read(tiny, ids, tmp_path):
    fields, peft_fields = FORMS["pissa"]
    theirs = theirs_of(tiny, peft_fields)
    theirs.peft_config["default"].init_lora_weights = True
    theirs.save_pretrained(tmp_path / "start")
    theirs.peft_config["default"].init_lora_weights = "pissa"
    disturbed(ours_of(tiny, fields), theirs.eval())
    expected = theirs(ids).logits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says what it does
        theirs.save_pretrained(
            tmp_path / "tuned", path_initial_model_for_weight_conversion=str(tmp_path / "start")
        )
    ours = base(tiny)
    load_adapter(ours, tmp_path / "tuned")
    torch.testing.assert_close(ours(ids).logits, expected, **CLOSE)


def test_the_fast_start_of_pissa_takes_nearly_as_much_of_the_weight(tiny):
    parts = []
    for n_iterations in (-1, 16):
        model = ours_of(tiny, {"rank": 4, "init": "pissa", "init_iterations": n_iterations})
        parts.append([layer.lora_B @ layer.lora_A for _, layer in lora_layers(model)])
    for exact, fast in zip(*parts, strict=True):
        assert 0.98 * exact.norm() < fast.norm() <= exact.norm() * (1 + 1e-5)


@pytest.mark.parametrize("form", ["lora", "dora", "extra"])
def test_groups_of_lora_plus_are_those_of_peft(tiny, form):
    fields, peft_fields = FORMS[form]
    if form == "extra":  # PEFT gives embeddings below an adapter a rate of their own
        fields = {**fields, "extra_modules": ["lm_head", "model.norm"]}
        peft_fields = {**peft_fields, "modules_to_save": ["lm_head", "model.norm"]}
    ours, theirs = ours_of(tiny, fields), theirs_of(tiny, peft_fields)
    method = LoRA(**fields, lr_ratio=16)
    mine = build_optimizer(ours, Optim(), 1e-3, method.lr_factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = create_loraplus_optimizer(theirs, torch.optim.AdamW, lr=1e-3, loraplus_lr_ratio=16)

    def rates(optimizer, names):
        by_id = {id(parameter): name for name, parameter in names.items()}
        return {by_id[id(p)]: g["lr"] for g in optimizer.param_groups for p in g["params"]}

    found = rates(mine, our_parameters(ours))
    assert found == pytest.approx(rates(other, their_parameters(theirs)))
    assert set(found.values()) == {1e-3, 1e-3 * 16}
