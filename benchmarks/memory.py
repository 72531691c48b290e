"""The dry run's estimate of memory beside the measured peak, each case in a process of its own.

    python benchmarks/memory.py --small ../shared/data/models/stories260K-hf --out RESULTS.json

The peak is the process's high-water mark of resident memory when it ends, after a whole run of two
steps with evaluations, checkpoint and artefact. The 110M model has random weights (12 blocks, width
768, 32,000 tokens).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import machine

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
WIDTHS = {"tiny": 256, "small": 256, "110m": 128}
"""Tokens of a row, at most."""


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        model: ``tiny``, ``small`` or ``110m``.
        method: its name.
        recomputes: gradient checkpointing.
        n_rows: at once; of a pair both answers are one.
        kind: ``padded`` rows of one length, ``packed`` ones of very different lengths, or ``dpo``.
    """

    model: str
    method: str
    recomputes: bool
    n_rows: int
    kind: str = "padded"


CASES = [
    *(
        Case("tiny", method, recomputes, n_rows)
        for method in ("full", "freeze", "lora", "qlora")
        for recomputes in (False, True)
        for n_rows in (1, 8)
    ),
    *(Case("tiny", method, False, 4, "packed") for method in ("full", "lora", "qlora")),
    *(Case("tiny", method, False, 4, "dpo") for method in ("full", "freeze", "lora", "qlora")),
    Case("small", "full", False, 1),
    Case("small", "full", True, 8),
    Case("small", "freeze", True, 1),
    Case("small", "lora", False, 8),
    Case("small", "qlora", False, 1),
    Case("small", "qlora", True, 8),
    Case("small", "lora", False, 8, "packed"),
    Case("small", "full", False, 4, "dpo"),
    Case("110m", "full", False, 1),
    Case("110m", "full", False, 4),
    Case("110m", "full", True, 4),
    Case("110m", "freeze", False, 4),
    Case("110m", "freeze", True, 4),
    Case("110m", "lora", False, 1),
    Case("110m", "lora", False, 4),
    Case("110m", "lora", False, 8),
    Case("110m", "lora", True, 4),
    Case("110m", "qlora", False, 1),
    Case("110m", "qlora", False, 4),
    Case("110m", "qlora", True, 4),
    Case("110m", "full", False, 4, "packed"),
    Case("110m", "lora", False, 4, "packed"),
    Case("110m", "full", False, 2, "dpo"),
    Case("110m", "lora", False, 4, "dpo"),
    Case("110m", "lora", True, 4, "dpo"),
]
RUN = """
import sys
from tunesmith.cli.main import run
from tunesmith.core.memory import peak_memory_mb
code = run(["train", sys.argv[1]])
print(peak_memory_mb())
sys.exit(code)
"""


def make_110m(folder: Path) -> Path:
    """Writes a model with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SIZES, bos_token_id=1, eos_token_id=2)).save_pretrained(folder)
    copy_tokenizer(BUNDLED["tunesmith-tiny"], folder)
    return folder


def rows_of(kind: str) -> list[dict[str, Any]]:
    """24 examples, all too long for a row, or of very different lengths."""
    if kind == "dpo":
        return [
            {
                "prompt": f"row {i} " + "word and more " * 20,
                "chosen": "so it is " * (20 + i),
                "rejected": "that is not so " * (5 + 2 * i),
            }
            for i in range(24)
        ]
    lengths = [200] * 24 if kind == "padded" else [3 + 7 * i % 60 for i in range(24)]
    return [
        {"dialogue": f"row {i} " + "word and more " * n, "summary": "a short one of some words"}
        for i, n in enumerate(lengths)
    ]


def measure(path: str, case: Case, place: Path) -> dict[str, Any]:
    """Estimates one case, runs it and puts both side by side."""
    fields = recipe(path, case, place)
    estimate = dry_run(make_recipe(fields))["memory_mb"]
    file = place / "recipe.yaml"
    file.write_text(json.dumps(fields))
    shutil.rmtree(place / "run", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr[-2000:]}")
    peak = round(float(done.stdout.splitlines()[-1]), 1)
    return {
        **asdict(case),
        "tokens": WIDTHS[case.model],
        "estimated_mb": estimate["total"],
        "measured_mb": peak,
        "difference": round(estimate["total"] / peak - 1, 4),
        "purposes": estimate,
    }


def recipe(path: str, case: Case, place: Path) -> dict[str, Any]:
    """The recipe of a case, its data written."""
    data = place / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows_of(case.kind)))
    return {
        "model": {"path": path},
        "data": {
            "path": str(data),
            "validation_fraction": 0.25,
            "max_tokens": WIDTHS[case.model],
            "cut_answers": True,
        },
        "task": "preference" if case.kind == "dpo" else "sft",
        "template": "alpaca" if case.kind == "dpo" else "summarization",
        "method": case.method,
        "train": {
            "batch_size": max(4, case.n_rows),
            "micro_batch_size": case.n_rows,
            "eval_batch_size": case.n_rows,
            "max_steps": 2,
            "eval_every_fraction": 1,
            "precision": "float32",
            "gradient_checkpointing": case.recomputes,
            "packing": case.kind == "packed",
        },
        "out": str(place / "run"),
    }


def estimated_anew(results: list[dict[str, Any]], models: dict[str, str], place: Path) -> None:
    """Puts the estimates of today's formulas beside the peaks that were measured."""
    for found in results:
        case = Case(**{field.name: found[field.name] for field in dataclass_fields(Case)})
        estimate = dry_run(make_recipe(recipe(models[case.model], case, place)))["memory_mb"]
        found["estimated_mb"], found["purposes"] = estimate["total"], estimate
        found["difference"] = round(estimate["total"] / found["measured_mb"] - 1, 4)


def table(results: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    lines = [
        "| model | method | rows | gradient checkpointing | at once | estimated | measured "
        "| difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['model']} | {r['method']} | {r['kind']} | {'yes' if r['recomputes'] else 'no'} "
        f"| {r['n_rows']} | {r['estimated_mb']:,.0f} MB | {r['measured_mb']:,.0f} MB "
        f"| {r['difference']:+.1%} |"
        for r in results
    ]
    return "\n".join(lines)


def write(file: Path, results: list[dict[str, Any]]) -> None:
    """Writes what is known so far, with the machine."""
    record = {
        "what": "dry run's memory against the peak of a whole run",
        "machine": machine(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "torch": version("torch"),
        "results": results,
    }
    file.write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    """Runs the cases that are not in the file of results yet, and adds them to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=Path, help="a further small model")
    parser.add_argument("--only", choices=list(WIDTHS), nargs="*", default=list(WIDTHS))
    parser.add_argument("--kind", choices=["padded", "packed", "dpo"], nargs="*")
    parser.add_argument("--estimate", action="store_true", help="estimate again, measure nothing")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    if options.out and options.out.is_file():
        results = json.loads(options.out.read_text())["results"]
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        models = {"tiny": "tunesmith-tiny", "small": str(options.small), "110m": str(place / "m")}
        if "110m" in options.only:
            make_110m(Path(models["110m"]))
        if options.estimate:
            estimated_anew(results, models, place)
        done = [{k: r[k] for k in asdict(CASES[0])} for r in results]
        for case in CASES:
            is_wanted = case.model in options.only and case.kind in (options.kind or [case.kind])
            lacks_model = case.model == "small" and options.small is None
            if options.estimate or not is_wanted or lacks_model or asdict(case) in done:
                continue
            results.append(measure(models[case.model], case, place))
            print(table(results[-1:]).splitlines()[-1], flush=True)
            if options.out:
                write(options.out, results)
    if options.estimate and options.out:
        write(options.out, results)
    print("\n" + table(results))


if __name__ == "__main__":
    main()
