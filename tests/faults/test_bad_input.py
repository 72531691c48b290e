"""Faults 9 and 20 to 22: numbers that are none, and rows or tokens that cannot be used."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.runs import METRICS, Run  # noqa: E402

pytestmark = pytest.mark.slow

ROWS = r"Its rows: (\S*dialogues\.jsonl:\d+, )+\S*dialogues\.jsonl:\d+\."


def poisoned(bench, name: str, value: float) -> None:
    """A copy of the model with one number changed."""
    folder = bench.folder / "poisoned"
    shutil.copytree(bench.fields["model"]["path"], folder)
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[0] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    bench.write(model={"path": str(folder)})


def steps_logged(bench) -> list[dict]:
    return [line for line in Run(bench.out).lines(METRICS) if line["kind"] == "train"]


def test_case_09_a_loss_that_is_no_number_stops_the_first_step_and_names_its_rows(bench):
    poisoned(bench, "model.norm.weight", float("nan"))
    done = bench.train()
    assert done.code == 2
    assert re.search(
        r"step 1: the loss is nan\. Nothing of this step is saved\. " + ROWS, done.error
    )
    assert not bench.out.exists() or not steps_logged(bench)


def test_case_09_an_infinite_gradient_stops_the_step_and_the_log_never_says_zero(bench):
    """All embeddings are 0: the loss is log V, and norms amplify gradients beyond float32."""
    folder = bench.folder / "flat"
    shutil.copytree(bench.fields["model"]["path"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-38}))
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"].zero_()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    bench.write(model={"path": str(folder)}, method={"name": "full"})
    done = bench.train()
    assert done.code == 2
    assert re.search(
        r"step 1: the gradient is (inf|nan)\. Nothing of this step is saved", done.error
    )
    assert re.search(ROWS, done.error)


def test_case_09_a_rate_that_is_far_too_high_saves_no_broken_weights(bench):
    """The step itself has numbers, and leaves weights that give none."""
    bench.write(
        method={"name": "full"},
        optim={"lr": 1e38, "schedule": "constant", "warmup_fraction": 0},
        train={"eval_every_fraction": 0.16},
    )
    done = bench.train()
    assert done.code == 2
    assert re.search(r"step [12]: .*Nothing of this step is saved", done.error), done.err
    assert not list(bench.out.glob("checkpoints/step-*"))
    assert all(line["loss"] > 0 for line in steps_logged(bench))


@pytest.mark.parametrize("eos", [None, "<|gone|>"])
def test_case_20_without_an_end_token_there_is_no_first_step(bench, eos):
    folder = bench.folder / "endless"
    shutil.copytree(bench.fields["model"]["path"], folder)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            config = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({**config, "eos_token": eos, "pad_token": None}))
    bench.write(model={"path": str(folder)})
    done = bench.train()
    assert done.code == 2
    assert "names no usable end-of-sequence token" in done.error
    assert "Set eos_token in tokenizer_config.json" in done.error
    assert not bench.out.exists()


def test_case_20_without_a_pad_token_rows_are_filled_with_another_and_never_learn_it(bench):
    """Padding is masked everywhere, so no pad token is needed."""
    folder = bench.folder / "padless"
    shutil.copytree(bench.fields["model"]["path"], folder)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            config = json.loads((folder / name).read_text())
            config.pop("pad_token", None)
            (folder / name).write_text(json.dumps(config))
    whole = bench.train(f"out={bench.folder / 'whole'}")
    assert whole.code == 0, whole.err
    bench.write(model={"path": str(folder)})
    assert bench.train().code == 0
    logs = [Run(out).path / METRICS for out in (bench.folder / "whole", bench.out)]
    assert logs[0].read_bytes() == logs[1].read_bytes()


def test_case_21_when_every_label_is_masked_there_is_no_first_step(bench):
    """Room for the question alone: answers are cut to nothing."""
    bench.write(data={"max_tokens": 8, "too_long": "cut", "cut_answers": True})
    done = bench.train()
    assert done.code == 2
    assert "dialogues.jsonl:1: nothing to learn: every token is masked" in done.error
    done = bench.train("data.bad_rows=reject")
    assert done.code == 2
    assert "every token is masked" in done.error
    assert not bench.out.exists()


def test_case_22_a_row_over_the_limit_is_dropped_cut_or_an_error(bench):
    file = Path(bench.fields["data"]["path"])
    lines = file.read_text().splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), "dialogue": "user: It leaks. " * 60})
    file.write_text("\n".join(lines) + "\n")
    counts = {}
    for policy in ("drop", "cut", "error"):
        out = bench.folder / policy
        done = bench.train(f"out={out}", "data.max_tokens=120", f"data.too_long={policy}")
        if policy == "error":
            assert done.code == 2
            assert re.search(r"dialogues\.jsonl:4: .*120", done.error), done.err
            continue
        assert done.code == 0, done.err
        ledger = Run(out).read("ledger.json")
        counts[policy] = {
            fate: sum(s[fate] for s in ledger.values()) for fate in ("cut", "dropped")
        }
        places = [p for s in ledger.values() for r in s["reasons"] for p in r["places"]]
        assert [place.endswith("dialogues.jsonl:4") for place in places] == [True]
    assert counts == {"drop": {"cut": 0, "dropped": 1}, "cut": {"cut": 1, "dropped": 0}}
