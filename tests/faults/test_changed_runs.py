"""Faults 15 to 19: a run, an adapter or a tokenizer that is not what it was."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.runs import METRICS, Run  # noqa: E402

pytestmark = pytest.mark.slow

ALPHA = {"name": "lora", "rank": 4, "dropout": 0.1, "alpha": 3}
UPDATE = "torch.nn.utils:clip_grad_norm_"


@pytest.fixture
def stopped(bench):
    """A run that was told to stop after step 3 of 6."""
    done = bench.train(accident=("signal_at", UPDATE, 3, signal.SIGTERM))
    assert done.code == 143, done.err
    return bench


def change_data(bench) -> None:
    file = Path(bench.fields["data"]["path"])
    file.write_text(file.read_text().replace("Monday", "Tuesday"))


def test_case_15_changed_data_is_refused_with_both_hashes_and_allowed_on_demand(stopped):
    change_data(stopped)
    done = stopped.train("--resume")
    assert done.code == 2
    assert re.search(r"hash of data: \w{12}\.\.\. -> \w{12}\.\.\.", done.error)
    assert "To go on all the same: --allow-changed data" in done.error
    done = stopped.train("--resume", "--allow-changed", "data")
    assert done.code == 0, done.err
    assert "this is another run than the one that was begun, as was allowed" in done.error
    assert "resumed at step 3 of 6" in done.error
    lock = Run(stopped.out).read("lock.json")
    [changed] = lock["changed"]
    assert changed["after_step"] == 3
    assert changed["changes"][0].startswith("hash of data: ")
    assert (stopped.out / changed["recipe_before"]).is_file()
    steps = [e["step"] for e in Run(stopped.out).lines(METRICS) if e["kind"] == "train"]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert Run(stopped.out).summary["best_step"] > 3  # earlier evaluations were on other rows


@pytest.mark.parametrize(
    ("change", "told", "name"),
    [
        ({"method": ALPHA}, "method.alpha: null -> 3", "method"),
        ({"optim": {"lr": 0.02}}, "optim.lr: 0.01 -> 0.02", "optim"),
        ({"template": "alpaca"}, "template.name: summarization -> alpaca", "template"),
    ],
)
def test_case_16_a_changed_recipe_is_refused_with_the_difference(stopped, change, told, name):
    stopped.write(**change)
    done = stopped.train("--resume")
    assert done.code == 2
    assert told in done.error
    assert f"--allow-changed {name}" in done.error
    if name == "optim":
        done = stopped.train("--resume", "--allow-changed", "optim")
        assert done.code == 0, done.err
        rates = [e["lr"] for e in Run(stopped.out).lines(METRICS) if e["kind"] == "train"]
        assert rates[3] > rates[2]
        assert Run(stopped.out).read("lock.json")["changed"][0]["changes"] == [told]


def test_case_16_other_differences_than_the_allowed_one_are_still_refused(stopped):
    change_data(stopped)
    stopped.write(optim={"lr": 0.02})
    done = stopped.train("--resume", "--allow-changed", "data")
    assert done.code == 2
    assert "optim.lr: 0.01 -> 0.02" in done.error
    assert "hash of data" not in done.error
    done = stopped.train("--resume", "--allow-changed", "dta")
    assert "--allow-changed dta: Did you mean 'data'?" in done.error


def test_case_17_another_number_of_processes_is_refused(stopped, bench):
    done = stopped.train("--resume", env={"WORLD_SIZE": "2"})
    assert done.code == 2
    assert "number of processes: 1 -> 2" in done.error
    done = stopped.train(f"out={bench.folder / 'other'}", env={"WORLD_SIZE": "2"})
    assert done.code == 2
    assert "started as one of 2 processes (WORLD_SIZE), and training uses one" in done.error


@pytest.fixture
def tuned(bench):
    """A finished run on a copy of the model that tests may change."""
    model = bench.folder / "model"
    shutil.copytree(bench.fields["model"]["path"], model)
    bench.write(model={"path": str(model)})
    done = bench.train()
    assert done.code == 0, done.err
    return bench


def other_base(folder: Path, **changes: Any) -> None:
    """Random weights of another shape in the place of a model's."""
    from transformers import AutoConfig, LlamaForCausalLM

    config = AutoConfig.from_pretrained(folder)
    for key, value in changes.items():
        setattr(config, key, value)
    torch.manual_seed(5)
    LlamaForCausalLM(config).save_pretrained(folder)


@pytest.mark.parametrize("changes", [{}, {"num_hidden_layers": 1}, {"vocab_size": 4096}])
def test_case_18_an_adapter_on_another_base_is_refused_with_both_fingerprints(tuned, changes):
    """First as tunesmith knows it; then as a foreign adapter, of which only shapes are known."""
    other_base(Path(tuned.fields["model"]["path"]), **changes)
    adapter = tuned.out / "model"
    continued = (*("train", tuned.folder / "recipe.yaml"), f"model.adapter={adapter}", "out=more")
    for args in (("merge", tuned.out, tuned.folder / "merged"), continued):
        done = tuned.run(*args)
        assert done.code == 2
        assert re.search(
            r"the adapter was tuned on other weights than those in .* "
            r"\(fingerprint \w{12}, there \w{12}\)",
            done.error,
        )
    if "num_hidden_layers" in changes:
        foreign = tuned.folder / "foreign"
        shutil.copytree(adapter, foreign)
        (foreign / "tunesmith.json").unlink()
        done = tuned.run("merge", foreign, tuned.folder / "merged")
        assert done.code == 2
        assert "not made here, so its base cannot be verified" in done.error
        assert "the base model does not have; it belongs to another base" in done.error


def break_weights(folder: Path) -> None:
    """Whoever loads them gets another message."""
    for file in folder.glob("*.safetensors"):
        file.write_bytes(b"never read")


def edit_json(file: Path, edit) -> None:
    content = json.loads(file.read_text("utf-8"))
    edit(content)
    file.write_text(json.dumps(content), "utf-8")


def test_case_19_another_tokenizer_is_refused_before_the_weights_load(tuned):
    adapter = tuned.out / "model"

    def swap(tokenizer: dict[str, Any]) -> None:
        vocabulary = tokenizer["model"]["vocab"]
        if isinstance(vocabulary, dict):
            a, b = list(vocabulary)[500:502]
            vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
        else:
            vocabulary[500], vocabulary[501] = vocabulary[501], vocabulary[500]

    edit_json(adapter / "tokenizer.json", swap)
    break_weights(adapter)
    done = tuned.run("chat", tuned.out, "-m", "Hello")
    assert done.code == 2
    assert re.search(
        r"its tokenizer is not the one the model was tuned with "
        r"\(fingerprint \w{12}, here \w{12}\)",
        done.error,
    )


@pytest.mark.parametrize("kind", ["too many tokens", "added tokens not saved"])
def test_case_19_a_tokenizer_that_does_not_fit_is_refused_before_the_weights_load(bench, kind):
    model = bench.folder / "model"
    shutil.copytree(bench.fields["model"]["path"], model)
    break_weights(model)
    bench.write(model={"path": str(model)})
    if kind == "too many tokens":
        edit_json(model / "config.json", lambda config: config.update(vocab_size=1000))
        expected = r"the tokenizer has \d+ tokens, but the model only 1000 embeddings"
    else:
        added = {"9000": {"content": "<|im_end|>", "special": True}}
        edit_json(
            model / "tokenizer_config.json",
            lambda config: config.update(added_tokens_decoder=added),
        )
        expected = (
            r"names the added token '<\|im_end\|>' \(1 in all\), which tokenizer.json does not"
        )
    done = bench.train()
    assert done.code == 2
    assert re.search(expected, done.error), done.err
    assert not bench.out.exists()


def test_a_changed_weight_file_is_another_base(stopped):
    model = stopped.folder / "model"
    shutil.copytree(stopped.fields["model"]["path"], model)
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] * 2
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    stopped.write(model={"path": str(model)})
    done = stopped.train("--resume")
    assert done.code == 2
    assert re.search(r"hash of weights: \w{12}\.\.\. -> \w{12}\.\.\.", done.error)
