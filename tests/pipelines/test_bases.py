"""Several models over one set of weights: held once, and answering as if each were alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model.adapter import load_adapter  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.quantised import Quantisation  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.twin import twin  # noqa: E402
from tunesmith.pipelines.bases import Bases, base_named  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402

CPU = torch.device("cpu")
KINDS = {
    "wide": {"rank": 8, "alpha": 4, "targets": ["q_proj"]},
    "all": {"rank": 2},
    "dora": {"rank": 3, "dora": True, "targets": ["v_proj", "down_proj"]},
    "head": {"rank": 2, "targets": ["k_proj"], "extra_modules": ["lm_head"]},
}
ASKED = [Conversation((Message("user", f"Who comes on day {n}?"),), "asked") for n in range(5)]
SAMPLING = Sampling(max_new_tokens=8)


@pytest.fixture(scope="module")
def adapters(tiny, tmp_path_factory):
    folders = {}
    for number, (name, fields) in enumerate(KINDS.items()):
        model = load_model(Model(path=str(tiny)), device=CPU)
        method = LoRA(**fields)
        method.apply(model)
        torch.manual_seed(number)
        for _, layer in lora_layers(model):
            torch.nn.init.normal_(layer.lora_B, std=0.3)
        folders[name] = tmp_path_factory.mktemp("adapters") / name
        folders[name].mkdir()
        method.save(model, folders[name], BaseIdentity(str(tiny), None, "x"))
    return folders


def storages(*networks):
    """Bytes of all tensors, each storage once."""
    found = {}
    for network in networks:
        for tensor in [*network.parameters(), *network.buffers()]:
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())


def test_base_and_adapters_hold_the_base_once_and_answer_as_alone(tiny, adapters):
    bases = Bases()
    names = {"base": str(tiny), **adapters}
    together = {name: load_chat(place, bases=bases) for name, place in names.items()}
    alone = {name: load_chat(place) for name, place in names.items()}
    ids = torch.arange(20, 32)[None]
    for name, model in together.items():
        # One after the other, so that each has been asked beside the others.
        assert model.complete(ASKED, SAMPLING) == alone[name].complete(ASKED, SAMPLING)
        logits = model.causal_lm(ids).logits
        assert torch.equal(logits, alone[name].causal_lm(ids).logits)
        assert torch.equal(
            together["base"].causal_lm(ids).logits, alone["base"].causal_lm(ids).logits
        )
    answers = {name: str(model.complete(ASKED, SAMPLING)) for name, model in together.items()}
    assert len(set(answers.values())) > 1
    base = storages(alone["base"].causal_lm)
    added = sum(storages(alone[name].causal_lm) - base for name in adapters)
    assert storages(*(model.causal_lm for model in together.values())) == base + added
    assert storages(*(model.causal_lm for model in alone.values())) == 5 * base + added


def test_other_weights_take_the_place_of_those_that_were_held(tiny, shared, capsys):
    bases = Bases()
    one = bases.load(Model(path=str(tiny)), device=CPU)
    again = bases.load(Model(path=str(tiny)), device=CPU)
    assert storages(one, again) == storages(one)
    halved = bases.load(Model(path=str(tiny), dtype="bfloat16"), device=CPU)
    assert "loaded again, as it is held otherwise" in capsys.readouterr().err
    assert storages(one, halved) > storages(one)


def test_twins_of_tied_weights_stay_tied(shared):
    model = load_model(Model(path=str(shared / "models/stories260K-hf")), device=CPU)
    other = twin(model)
    assert other.lm_head.weight is other.model.embed_tokens.weight
    assert other.lm_head.weight is model.lm_head.weight
    other.config.pad_token_id = 7
    assert model.config.pad_token_id != 7


def test_weights_in_four_bits_are_shared_with_their_scales(tiny, adapters, tmp_path):
    pytest.importorskip("bitsandbytes")
    bases, four = Bases(), Quantisation(4, "nf4", True)

    def made(name, bases):
        network = bases.load(Model(path=str(tiny)), device=CPU, quantisation=four)
        load_adapter(network, adapters[name])
        return network

    ids = torch.arange(20, 32)[None]
    together = {name: made(name, bases) for name in ("wide", "dora")}
    for name, network in together.items():
        assert torch.equal(network(ids).logits, made(name, Bases())(ids).logits)
    states = [n.model.layers[0].mlp.gate_proj.weight.quant_state for n in together.values()]
    assert states[0] is states[1]


def test_the_name_of_a_base_is_told_without_loading(tiny, adapters, tmp_path):
    assert base_named(adapters["wide"]) == str(tiny)
    assert base_named(str(tiny)) == str(tiny)
    assert base_named(tmp_path / "gone") == str(tmp_path / "gone")
