"""The cost of training as work grows: more examples, longer rows, larger models.

    python benchmarks/scaling.py --out RESULTS.json

Every point is a process of its own: tokens a second over a few steps, and the peak of resident
memory, which has reading and encoding the examples in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from contender import Contender
from measure import machine
from train import ENV, known
from train_work import SIZES, Work, make_own

from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe

SHORT = Work("", "1M", n_rows=1000, prompt=(10, 20, 40))
STEP_TOKENS = 8192
LONG_ANSWER = 80
"""Tokens that a row has at most beside its prompt."""

GROWTH: dict[str, dict[int, Work]] = {
    "examples": {
        n: replace(SHORT, name=f"examples-{n}", n_rows=n) for n in (100, 1000, 10_000, 100_000)
    },
    "tokens of a row": {
        n: Work(
            f"tokens-{n}",
            "S",
            batch_size=STEP_TOKENS // n,
            n_rows=4 * STEP_TOKENS // n,
            prompt=(n - LONG_ANSWER,) * 3,
        )
        for n in (128, 256, 512, 1024, 2048, 4096)
    },
    "parameters": {
        n: Work(f"size-{size}", size, batch_size=8, n_rows=32)
        for size, n in (
            ("1M", 1_000_000),
            ("6M", 6_000_000),
            ("S", 15_000_000),
            ("48M", 48_000_000),
            ("M", 134_000_000),
            ("350M", 350_000_000),
        )
    },
}
"""What grows, its value and the work at it."""


def main() -> None:
    """Measures points and adds them to the file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(GROWTH), default=list(GROWTH))
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    results = known(chosen.out)
    growth = results.setdefault("scaling", {})
    for what in chosen.only:
        growth[what] = []
        for value, work in GROWTH[what].items():
            work = replace(work, precision=chosen.precision)
            with tempfile.TemporaryDirectory() as place:
                found = point(work, Path(place), chosen.threads, chosen.steps)
            growth[what].append({"value": value, **found})
            print(what, json.dumps({k: growth[what][-1][k] for k in SHOWN}), flush=True)
            if chosen.out:
                chosen.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


SHOWN = ("value", "tokens_per_s", "tokens_per_cpu_s", "peak_mb")


def point(work: Work, place: Path, threads: int, n_steps: int) -> dict[str, Any]:
    """Speed and memory at one point."""
    os.environ["TUNESMITH_CACHE"] = str(place / "cache")
    fields = make_own(work, place, threads)
    before = machine()
    with Contender(sys.executable, "tunesmith_train.py", {**fields, "options": {}}, ENV) as ours:
        ours.run(1)
        runs = [ours.run(n_steps) for _ in range(3)]
        losses = ours.end()
    train = prepare(make_recipe(fields["recipe"]), weights=False).encoded["train"]
    lengths, size = np.asarray(train.lengths), work.batch_size
    places = np.arange(size, size * (1 + 3 * n_steps)) % len(lengths)
    n_tokens = int(lengths[places].sum())
    return {
        "machine": before,
        "threads": threads,
        "work": asdict(work),
        "longest": int(lengths.max()),
        "model": SIZES[work.size],
        "tokens_per_s": round(n_tokens / sum(run["wall_s"] for run in runs), 1),
        "tokens_per_cpu_s": round(n_tokens / sum(run["cpu_s"] for run in runs), 1),
        "loaded_mb": ours.about["memory_mb"]["now"],
        "peak_mb": max(run["memory_mb"]["peak"] for run in runs),
        "losses": [losses[0], losses[-1]],
    }


if __name__ == "__main__":
    main()
