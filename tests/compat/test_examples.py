"""Every example file of LLaMA-Factory is run, given its command, or refused with its reasons."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tunesmith.compat.llamafactory.convert import convert
from tunesmith.compat.llamafactory.recognise import recognise
from tunesmith.compat.llamafactory.text import recipe_text
from tunesmith.recipe import make_recipe, read_fields

SCRIPT = Path(__file__).parents[2] / "docs/reference/generate_llamafactory.py"
MEDIA = ("vl", "moss")
N_FILES = 95


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_llamafactory", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(shared: Path) -> Path:
    return shared / "llamafactory"


def training_files(folder: Path) -> list[Path]:
    files = sorted((folder / "examples").rglob("*.yaml"))
    return [file for file in files if recognise(read_fields(file)) == "training"]


def test_the_page_is_what_the_code_says(folder):
    hint = f"run: python docs/reference/generate_llamafactory.py {folder}"
    assert generator().main([str(folder), "--check"]) == 0, hint


def test_the_page_names_no_place_of_the_machine_it_was_made_on(folder):
    assert str(folder.resolve().parent.parent) not in generator().page(folder)


def test_every_file_has_one_fate_and_those_that_do_not_run_a_reason(folder):
    rows = generator().rows(folder)
    assert len(rows) == N_FILES
    fates = {"converted", "command", "refused", "no recipe"}
    for file, fate, why in rows:
        assert fate in fates
        assert why or fate == "converted", file


def test_every_key_of_every_training_file_is_accounted_for(folder):
    files = training_files(folder)
    assert len(files) == 55
    for file in files:
        found = convert(read_fields(file), file)
        entries = [*found.mapped, *found.skipped, *found.refused]
        assert sorted(e.key for e in entries) == sorted(read_fields(file)), file
        assert all(e.to for e in found.mapped)
        assert all(e.note for e in (*found.skipped, *found.refused))


def test_with_a_known_template_every_text_file_of_one_device_runs(folder):
    """What is left to refuse is named: other optimizers, losses, layouts and quantised weights."""
    reasons = set()
    for file in training_files(folder):
        if any(word in file.name for word in MEDIA):
            continue
        given = {**read_fields(file), "template": "native"}
        found = convert(given, file)
        reasons |= {entry.key for entry in found.refused}
        if not found.refused:
            make_recipe(found.fields)
    assert reasons == {
        # Optimizers, losses and arithmetic that are not here.
        "use_adam_mini", "use_apollo", "use_badam", "use_galore", "use_muon", "use_dft_loss",
        "use_asft_loss", "use_eaft_loss", "fp8",
        # Ways of tuning, and stages.
        "finetuning_type", "use_llama_pro", "mixture_of_depths", "stage",
        # Several devices.
        "use_kt", "tensor_model_parallel_size", "pipeline_model_parallel_size",
        "context_parallel_size", "expert_model_parallel_size", "sequence_parallel",
        "use_distributed_optimizer", "overlap_param_gather", "overlap_grad_reduce",
        "moe_grouped_gemm", "moe_token_dispatcher_type", "recompute_granularity",
        "apply_rope_fusion", "bias_activation_fusion", "mixed_precision", "use_packed_sequences",
        "export_hf_on_finish",
        # Weights in other codes, models of other kinds, and sets without a description here.
        "model_name_or_path", "dataset",
    }  # fmt: skip


def test_the_text_is_a_recipe_with_its_remarks(folder, tmp_path):
    file = folder / "examples/train_lora/qwen3_lora_sft.yaml"
    found = convert({**read_fields(file), "template": "native"}, file).checked()
    text = recipe_text(found)
    written = tmp_path / "mine.yaml"
    written.write_text(text)
    assert read_fields(written) == found.fields
    assert "  # cutoff_len cuts both sides there; here the answer only where" in text
    assert "#   plot_loss (True): a run's report.html draws its loss" in text
    assert json.dumps(found.as_dict())


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("accelerate/fsdp_config.yaml", "devices"),
        ("deepspeed/ds_z3_config.json", "devices"),
        ("extras/multi_tokens/tokens_cfg.yaml", "model options"),
        ("inference/qwen3.yaml", "inference"),
        ("merge_lora/qwen3_lora_sft.yaml", "export"),
        ("extras/nlg_eval/llama3_lora_predict.yaml", "prediction"),
        ("v1/train_lora/train_lora_sft.yaml", "v1 training"),
        ("v1/train_lora/export_lora.yaml", "v1 export"),
    ],
)
def test_files_are_told_apart_by_their_keys(folder, file, kind):
    assert recognise(read_fields(folder / "examples" / file)) == kind


@pytest.mark.parametrize(
    "fields",
    [{"data": {"path": "x"}, "lora_rank": 3}, {"model": {"path": "x"}, "seed": 3}, {}, {"x": 1}],
)
def test_a_recipe_of_ours_is_never_taken_for_theirs(fields):
    assert recognise(fields) is None
