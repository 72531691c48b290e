"""A built dataset is used: trained here, and read by datasets and TRL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.pipelines.build_data import build_data
from tunesmith.pipelines.train import train
from tunesmith.recipe import Recipe
from tunesmith.synthesize.build_settings import BuildSettings
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.teacher.extract import reply_from_passage

NAMES = ("zh_regex_tutorial.docx", "zh_requirements_notes.docx", "zh_web_summary_headings.docx")
pytestmark = pytest.mark.slow


@pytest.fixture
def built(shared, teacher, tmp_path) -> Path:
    """A dataset of the Chinese documents."""
    server = teacher(otherwise=reply_from_passage)
    model = HostedModel(parse_endpoint(f"{server.url}#teacher"))
    settings = BuildSettings([KINDS.parse("qa"), KINDS.parse("preference")], eval_fraction=0.3)
    sources = [str(shared / "documents" / name) for name in NAMES]
    build_data(sources, tmp_path / "built", settings, teacher=model)
    return tmp_path / "built" / "dataset"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def test_a_model_is_tuned_on_it(built, tiny, tmp_path):
    recipe = Recipe.model_validate(
        {
            "model": {"path": str(tiny)},
            "data": {"path": str(built / "instructions")},
            "template": "llama2",
            "method": "full",
            "optim": {"lr": 1e-2},
            "train": {"max_steps": 4, "batch_size": 4},
            "out": str(tmp_path / "run"),
        }
    )
    run = train(recipe)
    train_rows = lines(built / "instructions" / "train.jsonl")
    held_out = lines(built / "instructions" / "eval.jsonl")
    ledger = run.read("ledger.json")
    assert ledger["train"]["read"] == len(train_rows)
    assert ledger["validation"]["read"] == len(held_out)
    losses = [row["loss"] for row in run.lines("metrics.jsonl") if "loss" in row]
    assert losses[-1] < losses[0]


def test_datasets_reads_every_part_by_the_head_of_its_card(built, tmp_path):
    datasets = pytest.importorskip("datasets")
    for name in ("instructions", "preferences"):
        found = datasets.load_dataset(str(built), name, cache_dir=str(tmp_path / "cache"))
        assert [*found["train"]["id"]] == [r["id"] for r in lines(built / name / "train.jsonl")]
        assert [*found["test"]["id"]] == [r["id"] for r in lines(built / name / "eval.jsonl")]
        told = found["train"][0]["provenance"]
        assert told["evidence"] and told["document"] and told["verdicts"]["verify"]["supported"]


@pytest.mark.filterwarnings("ignore::FutureWarning:transformers")
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")
def test_trl_takes_its_rows_as_they_are(built, tiny, tmp_path):
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    rows = lines(built / "instructions" / "train.jsonl")[:8]
    data = Dataset.from_list([{"messages": row["messages"]} for row in rows])
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "trl"),
        max_steps=1,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        bf16=False,
        save_strategy="no",
    )
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny),
        args=settings,
        train_dataset=data,
        processing_class=tokenizer,
    )
    assert trainer.train().training_loss > 0
    pairs = lines(built / "preferences" / "train.jsonl")
    assert {"prompt", "chosen", "rejected"} <= set(pairs[0])
    first = trl.apply_chat_template(
        {key: pairs[0][key] for key in ("prompt", "chosen", "rejected")}, tokenizer
    )
    assert pairs[0]["chosen"][0]["content"] in first["chosen"]
