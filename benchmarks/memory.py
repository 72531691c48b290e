"""The dry run's estimate of memory beside the measured peak, each case in a process of its own.

    python benchmarks/memory.py --small ../shared/data/models/stories260K-hf --out RESULTS.json

The peak is the process's largest resident memory over a whole run of two steps with evaluations,
checkpoint and artefact. The 110M model has random weights (12 blocks, width 768, 32,000 tokens).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunesmith.core.bundled import BUNDLED
from tunesmith.model.save import copy_tokenizer
from tunesmith.pipelines.dry_run import dry_run
from tunesmith.recipe import make_recipe

SIZES = {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "vocab_size": 32000,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
}
LARGE = [
    ("lora", False, 4), ("qlora", False, 4), ("freeze", False, 4), ("full", False, 4),
    ("lora", True, 4), ("qlora", True, 4), ("full", True, 4), ("full", False, 1),
    ("lora", False, 1), ("freeze", True, 4), ("qlora", False, 1), ("lora", False, 8),
]  # fmt: skip
SMALL = [
    (method, recomputes, n_rows)
    for method in ("full", "freeze", "lora", "qlora")
    for recomputes in (False, True)
    for n_rows in (1, 8)
]
"""Method, gradient checkpointing, rows at once."""


def make_110m(folder: Path) -> Path:
    """Writes a model with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SIZES, bos_token_id=1, eos_token_id=2)).save_pretrained(folder)
    copy_tokenizer(BUNDLED["tunesmith-tiny"], folder)
    return folder


def measure(model: str, case: tuple[str, bool, int], place: Path, tokens: int) -> dict[str, Any]:
    """Estimates one case, runs it and puts both side by side."""
    method, recomputes, n_rows = case
    rows = [
        {"dialogue": f"row {i} " + "word and more " * 200, "summary": "a short one of some words"}
        for i in range(24)
    ]
    data = place / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {
        "model": {"path": model},
        "data": {"path": str(data), "validation_fraction": 0.25, "max_tokens": tokens},
        "template": "summarization",
        "method": method,
        "train": {
            "batch_size": max(4, n_rows),
            "micro_batch_size": n_rows,
            "eval_batch_size": n_rows,
            "max_steps": 2,
            "eval_every_fraction": 1,
            "gradient_checkpointing": recomputes,
        },
        "out": str(place / "run"),
    }
    estimate = dry_run(make_recipe(fields))["memory_mb"]
    file = place / "recipe.yaml"
    file.write_text(json.dumps(fields))
    shutil.rmtree(place / "run", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "tunesmith", "train", str(file), "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    peak = json.loads(done.stdout)["peak_memory_mb"]
    return {
        "method": method,
        "gradient_checkpointing": recomputes,
        "rows_at_once": n_rows,
        "tokens": tokens,
        "estimated_mb": estimate["total"],
        "measured_mb": peak,
        "difference": round(estimate["total"] / peak - 1, 4),
        "purposes": estimate,
    }


def cpu_name() -> str:
    """As Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def write(file: Path, results: list[dict[str, Any]]) -> None:
    """Writes what is known so far, with the machine."""
    import torch

    record = {
        "what": "dry run's memory against the peak of a whole run",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "system": platform.system()},
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "results": results,
    }
    file.write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    """Runs the cases that are not in the file of results yet, and adds them to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=Path, help="a further small model")
    parser.add_argument("--only", choices=["tiny", "small", "110m"], nargs="*")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    if options.out and options.out.is_file():
        results = json.loads(options.out.read_text())["results"]
    done = {
        (r["model"], r["method"], r["gradient_checkpointing"], r["rows_at_once"]) for r in results
    }
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        models = [("tiny", "tunesmith-tiny", SMALL, 256)]
        if options.small:
            models.append(("small", str(options.small), SMALL[::3], 256))
        models.append(("110m", str(place / "llama-110m"), LARGE, 128))
        for name, path, cases, tokens in models:
            if options.only and name not in options.only:
                continue
            if name == "110m":
                make_110m(Path(path))
            for case in cases:
                if (name, *case) in done:
                    continue
                found = {"model": name, **measure(path, case, place, tokens)}
                results.append(found)
                print(
                    f"{name:5} {case[0]:7} checkpointing={case[1]!s:5} rows={case[2]}: "
                    f"{found['estimated_mb']:7.0f} MB estimated, {found['measured_mb']:7.0f} MB "
                    f"measured, {found['difference']:+.1%}",
                    flush=True,
                )
                if options.out:
                    write(options.out, results)


if __name__ == "__main__":
    main()
