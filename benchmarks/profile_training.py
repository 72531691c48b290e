"""Where the time of a training step goes: matrix products, attention and the rest.

    python benchmarks/profile_training.py --out RESULTS.json

The time of every operation, from torch.profiler, for rows of benchmarks/train.py; and what the
matrix products would take at the speed that is measured of them alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contender import Contender
from measure import machine
from train import ENV, known
from train_figures import products_per_token
from train_rows import ROWS
from train_work import make

PROFILED = ("S-fp32", "S-bf16", "M-bf16")
KINDS = {
    "matrix products": ("mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "mkldnn", "addbmm"),
    "attention": ("scaled_dot_product", "attention", "softmax"),
    "copies": ("copy_", "cat", "index", "contiguous", "clone", "_to_copy", "stack", "fill_"),
}
"""Parts of an operation's name that tell its kind; the first kind that fits counts."""
N_TOP = 12


def main() -> None:
    """Profiles rows and adds them to the file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(PROFILED))
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    results = known(chosen.out)
    with tempfile.TemporaryDirectory() as place:
        os.environ["TUNESMITH_CACHE"] = str(Path(place) / "cache")
        for name in chosen.only:
            found = profiled(name, Path(place), chosen.threads, chosen.steps)
            results.setdefault("profile", {})[name] = found
            if chosen.out:
                chosen.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
            print(name, json.dumps(found["shares"]), json.dumps(found["top"], indent=1))


def profiled(name: str, place: Path, threads: int, n_steps: int) -> dict[str, Any]:
    """The profile of one row's work."""
    work = ROWS[name].work
    material = make(work, place, threads)
    given = {**material.fields, "options": {}}
    with Contender(sys.executable, "products_train.py", given, ENV) as contender:
        gflops = contender.run(1)["gflops"][work.precision]
        contender.end()
    with Contender(sys.executable, "tunesmith_profile.py", given, ENV) as contender:
        operations = contender.run(n_steps)["operations"]
        contender.end()
    size, n_rows = work.batch_size, len(material.lengths)
    first = 2 * size  # two steps go before
    places = range(first, first + n_steps * size)
    n_tokens = sum(material.lengths[i % n_rows] for i in places)
    per_token = products_per_token(asdict(work), material.lengths, sum(material.targets))
    seconds = sum(operations.values())
    return {
        "machine": machine(),
        "threads": threads,
        "seconds": round(seconds, 3),
        "tokens": n_tokens,
        "limit_gflops": gflops,
        "seconds_at_the_limit": round(per_token * n_tokens / (max(gflops.values()) * 1e9), 3),
        "shares": shares(operations),
        "top": {k: round(v / seconds, 4) for k, v in list(operations.items())[:N_TOP]},
    }


def shares(operations: dict[str, float]) -> dict[str, float]:
    """Share of the time by kind of operation."""
    total = sum(operations.values())
    found = dict.fromkeys([*KINDS, "everything else"], 0.0)
    for operation, seconds in operations.items():
        found[kind_of(operation)] += seconds / total
    return {kind: round(share, 4) for kind, share in found.items()}


def kind_of(operation: str) -> str:
    """The kind of an operation, by its name."""
    name = operation.removeprefix("aten::")
    for kind, parts in KINDS.items():
        if any(part in name for part in parts):
            return kind
    return "everything else"


if __name__ == "__main__":
    main()
