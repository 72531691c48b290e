"""The same weights with another config.json are another model."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError, RunError  # noqa: E402
from tunesmith.core.runs import EVENTS, Run  # noqa: E402
from tunesmith.model.kernels import choice  # noqa: E402
from tunesmith.model.source import config_fingerprint, read_config  # noqa: E402
from tunesmith.pipelines import resume  # noqa: E402
from tunesmith.pipelines.circumstances import circumstances, difference  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.checkpoint import MARKER, STATE, newest_checkpoint  # noqa: E402

train_module = import_module("tunesmith.pipelines.train")


@pytest.fixture
def model(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    return folder


@pytest.fixture
def recipe(recipe_fields, model):
    return make_recipe({**recipe_fields, "model": {"path": str(model)}})


def turn_otherwise(model: Path, theta: float = 5e5) -> None:
    """Changes the base of the angles of positions, and nothing else."""
    config = read_config(model)
    config["rope_parameters"]["rope_theta"] = theta
    (model / "config.json").write_text(json.dumps(config))


def edit_checkpoint(run: Run, edit) -> None:
    """Changes what a checkpoint says of itself, with a marker that fits."""
    place, _ = newest_checkpoint(run.checkpoints)
    assert place is not None
    state = json.loads((place / STATE).read_text())
    edit(state)
    text = json.dumps(state).encode()
    (place / STATE).write_bytes(text)
    marker = json.loads((place / MARKER).read_text())
    marker[STATE] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    (place / MARKER).write_text(json.dumps(marker))


def told(run: Run) -> str:
    return (run.path / EVENTS).read_text()


def test_only_what_changes_no_state_is_left_out(model):
    config = read_config(model)
    before = config_fingerprint(config)
    for key in ("transformers_version", "_name_or_path", "dtype", "use_cache", "eos_token_id"):
        assert config_fingerprint({**config, key: "another"}) == before, key
    for key in ("rms_norm_eps", "num_attention_heads", "rope_scaling", "never heard of"):
        assert config_fingerprint({**config, key: "another"}) != before, key
    assert config_fingerprint(dict(reversed(config.items()))) == before


def test_a_resume_with_another_configuration_is_refused_with_the_reason(recipe, model):
    train(recipe, until=0.3)
    turn_otherwise(model)
    with pytest.raises(
        RunError, match=r"hash of config: \w{12}\.\.\. -> \w{12}(.|\n)*-changed config"
    ):
        train(recipe, resume=True)
    run = train(recipe, resume=True, allow_changed=["config"])
    assert run.read("lock.json")["changed"][0]["changes"][0].startswith("hash of config: ")


def test_a_run_of_an_older_version_goes_on_and_says_what_it_cannot_know(recipe, model):
    run = train(recipe, until=0.3)

    def as_older(state):
        del state["identity"]["hashes"]["config"]
        del state["identity"]["circumstances"]

    edit_checkpoint(run, as_older)
    turn_otherwise(model)
    run = train(recipe, resume=True)
    assert run.is_finished
    assert "an older version began it, which did not note the model's config.json" in told(run)
    assert "is not known, so that it may be equal to one that was never stopped" in told(run)


def test_an_adapter_is_not_put_on_its_weights_with_another_configuration(recipe, model, capsys):
    run = train(recipe)
    load(run)
    assert "config.json" not in capsys.readouterr().err
    turn_otherwise(model)
    differs = r"is not the one that the adapter .*\(rope_parameters.rope_theta: .* -> 500000.0\)"
    with pytest.raises(ModelError, match=rf"config.json in .* {differs}"):
        load(run)
    file = run.artifact / "tunesmith.json"
    info = json.loads(file.read_text())
    del info["base_told"]
    file.write_text(json.dumps(info))
    with pytest.raises(ModelError, match=r"is not the one that the adapter .*did not note the"):
        load(run)
    del info["base_config"]
    file.write_text(json.dumps(info))
    load(run)
    assert "made by an older version, which did not note the base's config.json" in (
        capsys.readouterr().err
    )


def test_an_adapter_goes_on_its_base_however_that_is_written(recipe, model):
    """Another transformers writes the same configuration otherwise; the weights are the same."""
    run = train(recipe)
    before = load(run)
    config = read_config(model)
    theta = config.pop("rope_parameters")["rope_theta"]
    older = {**config, "rope_theta": theta, "rope_scaling": None, "pad_token_id": 3}
    older |= {"architectures": ["LlamaModel"], "initializer_range": 0.5, "torch_dtype": "float32"}
    del older["mlp_bias"]  # its default is the same
    (model / "config.json").write_text(json.dumps(older))
    after = load(run)
    ids = torch.tensor([[1, 5, 9, 40]])
    with torch.no_grad():
        assert torch.equal(after.causal_lm(ids).logits, before.causal_lm(ids).logits)


def test_a_resume_with_other_threads_goes_on_and_says_that_it_is_not_exact(recipe):
    run = train(recipe, until=0.3)
    n = torch.get_num_threads()
    torch.set_num_threads(n + 1)
    try:
        train(recipe, resume=True)
    finally:
        torch.set_num_threads(n)
    assert f"in other circumstances (threads: {n} -> {n + 1})" in told(run)
    assert "only up to rounding" in told(run)


def test_a_resume_in_the_same_circumstances_says_nothing(recipe):
    run = train(recipe, until=0.3)
    train(recipe, resume=True)
    assert "circumstances" not in told(run)


def test_every_difference_is_told(monkeypatch):
    now = circumstances()
    monkeypatch.setenv("TUNESMITH_KERNELS", "norm")
    found = difference({**now, "torch": "2.0"}, circumstances())
    assert "TUNESMITH_KERNELS: none -> norm; torch: 2.0 -> " in found
    assert not difference(now, now)


def test_kernels_that_another_trial_chose_are_told(monkeypatch):
    before = circumstances()
    monkeypatch.setattr(choice, "kernels_in_use", lambda device: ["loss", "norm"])
    monkeypatch.setattr(choice, "triton_version", lambda: "3.1")
    now = circumstances()
    assert "(kernels: none -> loss, norm; triton: none -> 3.1)" in difference(before, now)
    newer = difference(now, {**now, "triton": "3.2"})
    assert "(triton: 3.1 -> 3.2)" in newer
    older = {key: value for key, value in before.items() if key not in ("kernels", "triton")}
    assert not difference(older, before)  # no kernels then or now, whoever noted it
    assert "kernels: not noted -> loss, norm" in difference(older, now)


def test_kernels_are_settled_before_they_are_noted(recipe, monkeypatch):
    seen = []
    noted = circumstances()
    monkeypatch.setattr(train_module, "settle_kernels", lambda device: seen.append("settled"))
    monkeypatch.setattr(resume, "circumstances", lambda: (seen.append("noted"), noted)[1])
    train(recipe, until=0.3)
    assert seen == ["settled", "noted"]
