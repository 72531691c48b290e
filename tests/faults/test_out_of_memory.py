"""Fault 10: the real command under a real limit of the process's memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.bundled import BUNDLED  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.model.save import copy_tokenizer  # noqa: E402
from tunesmith.model.source import load_tokenizer  # noqa: E402


@pytest.fixture
def wide_recipe(tmp_path: Path, lines: Any) -> Path:
    """A model with few weights and large activations, 0.1 GB a row, in a recipe of one step."""
    folder = tmp_path / "wide"
    folder.mkdir()
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 64,
        "intermediate_size": 8192,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "vocab_size": len(load_tokenizer(BUNDLED["tunesmith-tiny"])),
        "max_position_embeddings": 512,
    }
    (folder / "config.json").write_text(json.dumps(config))
    copy_tokenizer(BUNDLED["tunesmith-tiny"], folder)
    rows = [{"dialogue": f"row {i} " + "word and more " * 120, "summary": "s"} for i in range(16)]
    recipe = {
        "model": {"path": str(folder), "init": "random"},
        "data": {
            "path": str(lines(tmp_path / "long.jsonl", *rows)),
            "validation_fraction": 0.5,
            "max_tokens": 256,
        },
        "template": "summarization",
        "method": {"name": "lora", "rank": 2, "targets": ["q_proj"]},
        "optim": {"warmup_fraction": 0, "lr": 1e-3},
        "train": {
            "epochs": 1,
            "batch_size": 8,
            "micro_batch_size": 8,
            "eval_batch_size": 8,
            "eval_every_fraction": 1,
        },
    }
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe))
    return file


def command(recipe: Path, out: Path, limit_mb: int | None) -> subprocess.CompletedProcess[str]:
    limited = "" if limit_mb is None else f"ulimit -d {limit_mb * 1000} && "
    return subprocess.run(
        ["bash", "-c", f'{limited}exec "$0" -m tunesmith train "$1" "out=$2"']
        + [sys.executable, str(recipe), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def losses(out: Path) -> list[float]:
    return [line.get("loss", line.get("eval_loss")) for line in Run(out).lines(METRICS)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_case_10_out_of_memory_halves_the_micro_batch_and_says_so_once(wide_recipe, tmp_path):
    """Eight rows need more than 0.85 GB in all and one row 0.56 GB; the process gets 0.75 GB."""
    limited = command(wide_recipe, tmp_path / "limited", 750)
    assert limited.returncode == 0, limited.stderr
    told = [line for line in limited.stderr.splitlines() if "out of memory" in line]
    assert told[0].startswith("out of memory with 8 rows at once in training: 4 at once from here")
    assert len(told) == len(set(told)) <= 3
    n_rows = Run(tmp_path / "limited").summary["rows_at_once"]
    assert n_rows in (1, 2, 4)

    free = command(wide_recipe, tmp_path / "free", None)
    assert free.returncode == 0 and "out of memory" not in free.stderr
    assert Run(tmp_path / "free").summary["rows_at_once"] == 8
    assert losses(tmp_path / "limited") == pytest.approx(losses(tmp_path / "free"), rel=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_case_10_memory_too_small_for_one_row_is_answered_with_advice(wide_recipe, tmp_path):
    result = command(wide_recipe, tmp_path / "run", 460)
    assert result.returncode == 2
    assert "there is too little memory" in result.stderr
    assert "train.gradient_checkpointing=true" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_case_10_a_chat_that_outgrows_memory_ends_with_advice(tmp_path):
    """Keys and values of a token take 0.26 MB; the process gets 0.8 GB."""
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=16,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        head_dim=16384,
        vocab_size=len(load_tokenizer(BUNDLED["tunesmith-tiny"])),
        max_position_embeddings=4096,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "wide")
    copy_tokenizer(BUNDLED["tunesmith-tiny"], tmp_path / "wide")
    result = subprocess.run(
        ["bash", "-c", 'ulimit -d 800000 && exec "$0" -m tunesmith chat wide --max-new-tokens 2']
        + [sys.executable],
        input="hello\n" + "word and more " * 600 + "\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 2
    assert len(result.stdout.splitlines()) == 2  # the first answer, and the end of the broken one
    told = result.stderr.rpartition("you> ")[2]
    assert told.count("\n") == 1
    assert told.startswith("error: there is too little memory to talk to wide: ")
    assert "Lower --max-new-tokens" in told
