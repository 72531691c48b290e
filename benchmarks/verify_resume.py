"""Kills and resumes a run of every task with every method, and compares it with one left alone.

Each cell is the real command, ``tunesmith verify-resume``, in a process of its own, on the bundled
tiny model and the data of ``matrix.py``; an epoch ends between the resume and the last step::

    python benchmarks/verify_resume.py ../shared/data --out benchmarks/results/NAME.json

What differs by a single bit is told, and the exit code is 1. Cells that the file of results has of
the present code are not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matrix
from measure import machine

from tunesmith.core.code_hash import code_hash
from tunesmith.core.errors import TunesmithError
from tunesmith.pipelines.dry_run import dry_run
from tunesmith.recipe import make_recipe

STEPS = 3
"""Before the kill, and after it."""
METHODS: dict[str, dict[str, Any]] = {
    "full": matrix.METHODS["full"],
    "freeze": matrix.METHODS["freeze"],
    "lora": {**matrix.METHODS["lora"], "dropout": 0.1},
    "qlora": {**matrix.METHODS["qlora"], "dropout": 0.1},
}
ANSWERED = {"score_rows": 4, "samples": 2}
WAYS = ("packed", "noise", "recomputed", "watched")
"""Of training. They move on by one from task to task and from method to method, so that every task
and every method goes through all four."""
FAST: dict[str, dict[str, Any]] = {
    "shared": {"share_prefixes": True, "packing": True, "precision": "bfloat16"},
    "int8": {"frozen_products": "int8", "share_prefixes": True, "gradient_checkpointing": True},
    "kept": {"trunk_cache": "disk", "share_prefixes": True, "packing": True},
}
"""Fast paths, beside the ways: shared prefixes under bfloat16 with the method that the task comes
to, products in eight bits with ``lora``, kept states with ``freeze``; each where it can be."""
TOKENS_AT_ONCE = 640
"""On a fast path: at most four of the longest rows, so that gradients add up."""


def tasks(data: Path) -> dict[str, dict[str, Any]]:
    """A recipe for each kind of task, but for the method, and how it is watched."""
    known = matrix.tasks(data)
    texts = {
        "data": {"path": str(data / "llamafactory/data/c4_demo.jsonl"), "max_rows": 20},
        "watched": {"best_metric": "eval_loss"},
    }
    return {
        "sft": {**known["sft"], "watched": {"best_metric": "rougeL", **ANSWERED}},
        "causal-lm, apart": {"task": "causal-lm", **texts},
        "causal-lm, joined": {"task": {"name": "causal-lm", "documents": "joined"}, **texts},
        "classify": {**known["classify"], "watched": {"best_metric": "accuracy", **ANSWERED}},
        "extractive-qa": {**known["extractive-qa"], "watched": {"best_metric": "f1", **ANSWERED}},
        "preference, dpo": {
            **known["preference"],
            "objective": "dpo",
            "watched": {"best_metric": "reward_margin"},
        },
        "preference, kto": {
            **known["preference"],
            "objective": "kto",
            "watched": {"best_metric": "reward_accuracy"},
        },
    }


def train_settings(way: str, batch_size: int, watched: dict[str, Any]) -> dict[str, Any]:
    """How one cell trains."""
    if way in FAST:
        return {**FAST[way], "tokens_at_once": TOKENS_AT_ONCE}
    if way == "packed":
        return {"packing": True}
    if way == "noise":
        return {"neftune_alpha": 5, "micro_batch_size": max(1, batch_size // 3)}
    if way == "recomputed":
        return {"gradient_checkpointing": True, "length_grouping": False}
    # Nothing improves by as much, so that patience is at its end with the last step.
    return {"patience": 2, "min_delta": 1e9, **watched}


def cells(data: Path, folder: Path) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Task, method, way and recipe of each run."""
    for i, (task, fields) in enumerate(tasks(data).items()):
        watched = fields.pop("watched")
        ways = [(method, WAYS[(i + j) % len(WAYS)]) for j, method in enumerate(METHODS)]
        objective = make_recipe({**fields, "out": str(folder)}).loss
        ways.append((list(METHODS)[i % len(METHODS)], "shared"))
        if not objective.needs_reference:  # it would take rounding for learning
            ways.append(("lora", "int8"))
        if not objective.needs_mismatched:  # rows beside a batch are not kept
            ways.append(("freeze", "kept"))
        for method, way in ways:
            yield task, method, way, recipe_of(fields, method, way, watched, folder)


def recipe_of(
    fields: dict[str, Any], method: str, way: str, watched: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """The recipe of a cell; its epoch has two steps more than come before the kill."""
    recipe = {
        **fields,
        "data": {"validation_fraction": 0.25, "max_tokens": 160, "bad_rows": "reject",
                 "cut_answers": True, **fields["data"],
                 "max_rows": min(60, fields["data"].get("max_rows", 60))},
        "method": METHODS[method],
        "optim": {"lr": matrix.RATES[method]},
        "evaluate": {"max_new_tokens": 8, "forgetting": None},
        "out": str(folder / "run"),
    }  # fmt: skip
    n_rows = dry_run(make_recipe(recipe))["rows"]
    batch_size = -(-n_rows // (STEPS + 2))
    trained = {"batch_size": batch_size, **train_settings(way, batch_size, watched)}
    return {**recipe, "train": trained}


def verify(recipe: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs the command; what it says, and after which step the first epoch ends."""
    steps_per_epoch = -(-dry_run(make_recipe(recipe))["rows"] // recipe["train"]["batch_size"])
    assert STEPS < steps_per_epoch < 2 * STEPS, "an epoch ends after the resume"
    file = folder / "recipe.yaml"
    file.write_text(json.dumps(recipe))
    command = ["verify-resume", str(file), "--steps", str(STEPS), "--json"]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tunesmith", *command], capture_output=True, text=True, check=False
    )
    told: dict[str, Any]
    if done.returncode in (0, 1) and done.stdout:
        told = json.loads(done.stdout)
        assert told["exact"] == (done.returncode == 0), "the exit code says the same"
    else:
        lines = done.stderr.strip().splitlines()
        told = {"exact": False, "error": lines[-1] if lines else f"exit code {done.returncode}"}
    seconds = round(time.perf_counter() - started, 1)
    return {"epoch_ends_after_step": steps_per_epoch, "seconds": seconds, **told}


def table(found: list[dict[str, Any]]) -> str:
    """The cells as Markdown."""
    lines = [
        "| task | method | trained | tensors | log lines | equal |",
        "|---|---|---|---|---|---|",
    ]
    for cell in found:
        by_name = {one["what"]: one["n"] for one in cell.get("compared", ())}
        n_tensors = sum(
            by_name.get(what, 0)
            for what in ("model", *(f"checkpoint: {k}" for k in ("weights", "optimizer", "random")))
        )
        differing = [
            one["what"]
            for one in cell.get("compared", ())
            if one["n_equal"] != one["n"] or not one["n"]
        ]
        verdict = "all" if cell["exact"] else cell.get("error") or f"not: {', '.join(differing)}"
        lines.append(
            f"| {cell['task']} | {cell['method']} | {cell['way']} | {n_tensors} "
            f"| {by_name.get('log', 0)} | {verdict} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Runs the cells that the file of results has not as exact yet; 1: one is not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", nargs="*", help="as in the table; all, where none is given")
    parser.add_argument("--method", nargs="*", choices=list(METHODS))
    parser.add_argument("--way", nargs="*", choices=[*WAYS, *FAST])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    if given.out is not None and given.out.is_file():
        cells_so_far = json.loads(given.out.read_text())["cells"]
        found = [c for c in cells_so_far if c["exact"] and c.get("code") == code_hash(["."])]
    done = {(cell["task"], cell["method"], cell["way"]) for cell in found}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for task, method, way, recipe in cells(given.data.resolve(), folder):
            wanted = ((task, given.task), (method, given.method), (way, given.way))
            is_wanted = all(name in (names or [name]) for name, names in wanted)
            if not is_wanted or (task, method, way) in done:
                continue
            cell = {"task": task, "method": method, "way": way, "code": code_hash(["."])}
            try:
                cell |= verify(recipe, folder)
            except TunesmithError as error:
                cell |= {"exact": False, "error": str(error)}
            found.append(cell)
            print(table([cell]).splitlines()[-1], flush=True)
            if given.out is not None:
                given.out.write_text(
                    json.dumps({"machine": machine(), "steps": STEPS, "cells": found}, indent=1)
                    + "\n"
                )
    print("\n" + table(found))
    return 0 if all(cell["exact"] for cell in found) else 1


if __name__ == "__main__":
    sys.exit(main())
