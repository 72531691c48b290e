"""Runs every task with every method: did it run, what did it score, how much memory did it take.

Each cell is a whole run in a process of its own, on the bundled tiny model and real data::

    python benchmarks/matrix.py ../shared/data --out benchmarks/results/NAME.json

Few steps on a tiny model: the table shows that a cell works, not what it can reach.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import machine, measure

METHODS: dict[str, dict[str, Any]] = {
    "full": {"name": "full"},
    "freeze": {"name": "freeze", "layers": 2},
    "lora": {"name": "lora", "rank": 8},
    "qlora": {"name": "qlora", "rank": 8},
}
RATES = {"full": 5e-4, "freeze": 1e-3, "lora": 2e-3, "qlora": 2e-3}
FIGURES = {
    "sft": "rougeL",
    "causal-lm": "word_perplexity",
    "classify": "accuracy",
    "extractive-qa": "f1",
    "preference": "reward_accuracy",
}
"""The score by which each task is told."""


def tasks(data: Path) -> dict[str, dict[str, Any]]:
    """A recipe for each task, but for the method."""
    return {
        "sft": {
            "task": "sft",
            "data": {"path": str(data / "dialogsum/dialogsum.dev.jsonl"), "max_rows": 80},
            "template": "summarization",
        },
        "causal-lm": {
            "task": "causal-lm",
            "data": {"path": str(data / "medicalgpt/pretrain_en_article_tail500.txt")},
        },
        "classify": {
            "task": "classify",
            "data": {"path": str(data / "imdb/aclImdb_train_2000.csv"), "max_rows": 120},
        },
        "extractive-qa": {
            "task": "extractive-qa",
            "data": {"path": str(data / "squad/xquad.en.json"), "max_rows": 80},
        },
        "preference": {
            "task": "preference",
            "data": {"path": str(data / "llamafactory/data/dpo_en_demo.json"), "max_rows": 80},
        },
    }


def recipe(data: Path, task: str, method: str, out: Path, n_steps: int) -> dict[str, Any]:
    """The recipe of one cell."""
    fields = tasks(data)[task]
    return {
        **fields,
        "data": {"validation_fraction": 0.25, "max_tokens": 160, "bad_rows": "reject",
                 "cut_answers": True, **fields["data"]},
        "method": METHODS[method],
        "optim": {"lr": RATES[method]},
        "train": {"epochs": 1000, "max_steps": n_steps, "batch_size": 8},
        "evaluate": {"max_rows": 24, "max_new_tokens": 16, "forgetting": None},
        "out": str(out),
    }  # fmt: skip


def run_one(fields: dict[str, Any]) -> dict[str, Any]:
    """Trains and scores one cell; what it came to."""
    from tunesmith import evaluate, train
    from tunesmith.recipe import make_recipe

    run = train(make_recipe(fields))
    summary = run.summary
    found = {
        "steps": summary["steps"],
        "trained": summary["trainable_parameters"],
        "eval_loss": [summary["eval_loss_first"], summary["eval_loss_model"]],
        "peak_memory_mb": summary["peak_memory_mb"],
    }
    scores = evaluate(run)
    scores = scores.get("models", scores)  # of running text they stand apart
    return {**found, "scores": {k: v for k, v in scores.items() if isinstance(v, dict)}}


def table(cells: list[dict[str, Any]]) -> str:
    """The cells as Markdown."""
    lines = [
        "| task | method | weights trained | loss, first to kept | score | peak memory | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        name = f"| {cell['task']} | {cell['method']} "
        if "error" in cell:
            lines.append(f"{name}| failed: {cell['error']} |||||")
            continue
        first, kept = cell["eval_loss"]
        kind = FIGURES[cell["task"]]
        told = ", ".join(f"{m} {row[kind]:.3f}" for m, row in cell["scores"].items() if kind in row)
        lines.append(
            f"{name}| {cell['trained']:,} | {first:.3f} to {kept:.3f} | {kind}: {told} "
            f"| {cell['peak_memory_mb']:,.0f} MB | {cell['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Runs all cells, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--task", nargs="*", default=list(FIGURES))
    parser.add_argument("--method", nargs="*", default=list(METHODS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(run_one(json.loads(given.one))))
        return
    cells: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for task in given.task:
            for method in given.method:
                out = Path(folder) / f"{task}-{method}"
                fields = recipe(given.data.resolve(), task, method, out, given.steps)
                command = [sys.executable, __file__, str(given.data), "--one", json.dumps(fields)]
                cell: dict[str, Any] = {"task": task, "method": method}
                try:
                    measured = measure(command, {})
                    cell |= {**measured.output, "seconds": measured.wall_s}
                except RuntimeError as error:
                    cell["error"] = str(error).strip().splitlines()[-1]
                cells.append(cell)
                print(table([cell]).splitlines()[-1], flush=True)
    print("\n" + table(cells))
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": machine(), "cells": cells}, indent=1) + "\n")


if __name__ == "__main__":
    main()
