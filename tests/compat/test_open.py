"""A copy of a real LLaMA-Factory folder, used from the command line as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.cli.main import run
from tunesmith.pipelines.open_recipe import open_recipe
from tunesmith.recipe import load_recipe

ALL_COLUMNS = {
    "prompt": "instruction", "query": "input", "response": "output", "system": "system",
    "history": "history",
}  # fmt: skip
FILE = "examples/train_lora/llama3_lora_sft.yaml"


@pytest.fixture
def folder(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: data, descriptions and the first example of LLaMA-Factory."""
    real = shared / "llamafactory"
    place = tmp_path / "llamafactory"
    (place / "data").mkdir(parents=True)
    for name in ("identity.json", "alpaca_en_demo.json", "dataset_info.json"):
        shutil.copy(real / "data" / name, place / "data" / name)
    (place / FILE).parent.mkdir(parents=True)
    text = (real / "examples/train_lora/qwen3_lora_sft.yaml").read_text("utf-8")
    (place / FILE).write_text(text.replace("template: qwen3_nothink\n", ""), "utf-8")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def described(folder: Path) -> Path:
    """The same with every column of its sets named."""
    file = folder / "data/dataset_info.json"
    sets = {
        name: {"file_name": f"{name}.json", "columns": ALL_COLUMNS}
        for name in ("identity", "alpaca_en_demo")
    }
    file.write_text(json.dumps(sets), "utf-8")
    return folder


def answer(capsys: Any, *args: object) -> tuple[int, str, str]:
    code = run([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


def small(shared: Path) -> list[str]:
    model = shared / "models/stories260K-hf"
    return [f"model_name_or_path={model}", "max_samples=20", "max_steps=2"]


def test_a_training_file_runs_with_its_own_keys_as_overrides(described, shared, capsys):
    pytest.importorskip("torch")
    code, out, err = answer(capsys, "train", FILE, *small(shared), "--json")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["steps"] == 2
    assert summary["ledger"]["train"]["read"] == 40
    assert f"{FILE}: a LLaMA-Factory file; " in err
    recipe = load_recipe(described / "saves/qwen3-4b/lora/sft/recipe.yaml")
    assert (recipe.train.batch_size, recipe.train.micro_batch_size) == (8, 1)
    assert recipe.data.max_tokens == 512  # of the model, which has no more positions
    assert recipe.method.name == "lora"
    assert (described / "saves/qwen3-4b/lora/sft/model/adapter_model.safetensors").is_file()


def test_the_folder_runs_unchanged_with_its_own_descriptions_and_template(folder, shared, capsys):
    pytest.importorskip("torch")
    code, out, err = answer(capsys, "train", FILE, *small(shared), "template=default", "--json")
    assert code == 0, err
    assert json.loads(out)["steps"] == 2


def test_keys_of_ours_change_the_recipe_that_it_became(described, shared):
    overrides = [*small(shared), "optim.lr=1e-3", "out=runs/mine", "learning_rate=5e-5"]
    recipe = open_recipe(FILE, overrides, to_train=True).recipe
    assert recipe.lr == 1e-3
    assert recipe.out == "runs/mine"


def test_a_misspelt_key_is_answered_with_the_nearest_one(described, capsys):
    code, _, err = answer(capsys, "train", FILE, "lora_rnak=4")
    assert code == 2
    assert "lora_rnak: no such key there. Did you mean 'lora_rank'?" in err


def test_data_preview_reads_it_too(described, shared, capsys):
    code, out, _ = answer(capsys, "data", "preview", FILE, *small(shared), "--json")
    assert code == 0
    origin = json.loads(out)["examples"][0]["origin"]
    assert origin.startswith("data/identity.json:")


def test_the_data_is_found_from_elsewhere(described, shared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = open_recipe(described / FILE, small(shared), to_train=True).recipe
    assert recipe.data.sources[0].path == str(described / "data/identity.json")


def test_json_is_read_as_well(described, shared):
    fields = yaml.safe_load((described / FILE).read_text("utf-8"))
    (described / "mine.json").write_text(json.dumps(fields, indent=1), "utf-8")
    assert open_recipe("mine.json", small(shared), to_train=True).recipe.method.name == "lora"


def test_import_shows_the_recipe_and_writes_it(described, shared, capsys):
    code, out, _ = answer(capsys, "import-llamafactory", FILE)
    assert code == 0
    assert "# Not applicable:" in out
    code, told, _ = answer(capsys, "import-llamafactory", FILE, "-o", "mine.yaml")
    assert code == 0
    assert "tunesmith train mine.yaml" in told
    assert Path("mine.yaml").read_text("utf-8") == out
    assert load_recipe("mine.yaml").lr == 1e-4
    code, _, err = answer(capsys, "import-llamafactory", FILE, "-o", "mine.yaml")
    assert code == 2
    assert "cannot be written (File exists)" in err
    code, out, _ = answer(capsys, "import-llamafactory", FILE, *small(shared), "--json")
    result = json.loads(out)
    assert result["recipe"]["train"]["max_steps"] == 2
    assert {entry["key"] for entry in result["not_applicable"]} >= {"plot_loss", "ddp_timeout"}


def test_steps_and_rows_become_shares_of_what_the_data_holds(described, shared):
    overrides = [small(shared)[0], "dataset=identity", "warmup_steps=5", "val_size=9"]
    overrides += ["num_train_epochs=2", "max_samples=50"]
    recipe = open_recipe(FILE, overrides, to_train=True).recipe
    assert round(50 * recipe.data.validation_fraction) == 9
    n_steps = 2 * -(-(50 - 9) // 8)
    assert -(-n_steps * recipe.optim.warmup_fraction // 1) == 5


def test_files_that_train_nothing_say_what_to_do_instead(described, capsys):
    model = {"model_name_or_path": "tunesmith-tiny", "template": "alpaca"}
    files: dict[str, tuple[dict[str, Any], str]] = {
        "chat": (
            {**model, "infer_backend": "huggingface"},
            "tunesmith chat tunesmith-tiny --template llamafactory/alpaca",
        ),
        "export": (
            {**model, "adapter_name_or_path": "saves/a", "export_dir": "merged"},
            "tunesmith merge saves/a merged",
        ),
    }
    for name, (fields, command) in files.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump(fields))
        code, out, _ = answer(capsys, "import-llamafactory", f"{name}.yaml")
        assert (code, out.strip()) == (0, command)
        code, _, err = answer(capsys, "train", f"{name}.yaml")
        assert code == 2
        assert f"Here that is: {command}" in err


def test_a_file_that_only_scores_is_scored_and_not_trained(described, capsys):
    fields = {
        "model_name_or_path": "tunesmith-tiny",
        "do_predict": True,
        "eval_dataset": "identity",
        "max_samples": 2,
        "max_new_tokens": 4,
    }
    Path("predict.yaml").write_text(yaml.safe_dump(fields))
    code, _, err = answer(capsys, "train", "predict.yaml")
    assert code == 2
    assert "tunesmith eval predict.yaml --split train" in err
    pytest.importorskip("torch")
    code, out, err = answer(capsys, "eval", "predict.yaml", "--split", "train", "--json")
    assert code == 0, err
    assert json.loads(out)["n"] == 2


def test_our_own_recipe_is_no_file_of_theirs(dialogues, tmp_path, capsys):
    file = tmp_path / "ours.yaml"
    file.write_text(f"data: {{path: {dialogues}}}\n")
    assert open_recipe(file, to_train=True).conversion is None
    code, _, err = answer(capsys, "import-llamafactory", file)
    assert code == 2
    assert "no LLaMA-Factory file" in err
