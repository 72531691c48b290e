"""LLaMA-Factory's own folder, not a letter of it changed, on a small model."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tunesmith.cli.main import run
from tunesmith.recipe import load_recipe


def answer(capsys: Any, *args: object) -> tuple[int, str, str]:
    code = run([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


FILES = {
    "train_lora/qwen3_lora_sft.yaml": "llamafactory/qwen3_nothink",
    "train_full/qwen3_full_sft.yaml": "llamafactory/qwen3_nothink",
    "train_lora/qwen3_lora_pretrain.yaml": None,
    "train_lora/qwen3_lora_dpo.yaml": "llamafactory/qwen3_nothink",
    "train_lora/qwen3_lora_kto.yaml": "llamafactory/qwen3_nothink",
    "v1/train_lora/train_lora_sft.yaml": "llamafactory/v1/qwen3_nothink",
    "v1/train_full/train_full_fsdp2.yaml": "llamafactory/v1/qwen3_nothink",
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_trains_on_a_small_model(file, whole, marked, capsys):
    model = "model" if file.startswith("v1/") else "model_name_or_path"
    overrides = [f"{model}={marked}", "max_steps=2", "cutoff_len=128", "output_dir=out"]
    if not file.startswith("v1/"):
        overrides.append("max_samples=12")
    code, out, err = answer(capsys, "train", f"examples/{file}", *overrides, "--json")
    assert code == 0, err
    assert json.loads(out)["steps"] == 2
    recipe = load_recipe("out/recipe.yaml")
    assert (recipe.template.name if recipe.template else None) == FILES[file]


def test_a_prediction_with_an_adapter_is_two_commands_that_run(whole, marked, capsys):
    small = [f"model_name_or_path={marked}", "cutoff_len=128", "max_samples=4"]
    file = "examples/train_lora/qwen3_lora_sft.yaml"
    code, _, err = answer(capsys, "train", file, *small, "max_steps=1", "output_dir=saves/a")
    assert code == 0, err
    predict = "examples/extras/nlg_eval/llama3_lora_predict.yaml"
    keys = ["adapter_name_or_path=saves/a", "template=qwen3_nothink"]
    code, _, err = answer(capsys, "eval", predict, *keys)
    assert code == 2
    assert "Here that is: tunesmith merge saves/a saves/a-merged && tunesmith eval" in err
    code, out, _ = answer(capsys, "import-llamafactory", predict, *keys)
    assert code == 0
    for command in out.strip().split(" && "):
        more = [*small[1:], keys[1], "max_new_tokens=2"] if " eval " in command else []
        code, scores, err = answer(capsys, *shlex.split(command)[1:], *more, "--json")
        assert code == 0, err
    assert json.loads(scores)["n"] == 8


def test_examples_of_preferences_are_whole_recipes(whole):
    from tunesmith.pipelines.open_recipe import import_llamafactory

    for file in ("train_lora/qwen3_lora_dpo.yaml", "v1/train_lora/train_lora_dpo.yaml"):
        found = import_llamafactory(Path("examples") / file)
        assert not isinstance(found, str)
        assert found.fields["task"] == "preference"
        assert found.fields["objective"]["name"] == "dpo"
