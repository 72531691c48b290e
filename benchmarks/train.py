"""Training beside the peers, each in its own environment: speed, memory and losses.

    python benchmarks/train.py --trl PYTHON --llamafactory PYTHON --out RESULTS.json
    python benchmarks/train.py ... --only S-fp32 dpo      some rows; the others stay as they are
    python benchmarks/train.py ... --missing              rows that RESULTS.json does not have yet
    python benchmarks/train.py --page RESULTS.json        docs/reference/speed.md and its plots

Every contender of a row is one process that loads, makes a step (of whole runs, one run) that is
not counted, and then makes steps when it is told to, so that rounds go A, B, C, A, B, C and only
one works at a time. All of them get the same weights, the same adapter, and the same token ids in
the same steps.

The environments: ``python -m venv trl && trl/bin/pip install torch==2.13.0 transformers==5.23.0
peft==0.21.2 trl==1.16.0``; ``python -m venv lf && lf/bin/pip install llamafactory==0.9.5``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contender import Contender
from measure import machine
from train_figures import products_per_token, reached
from train_rows import PRODUCTS, ROWS, Entrant, Row
from train_work import Material, make

ENV = {
    "HF_HUB_OFFLINE": "1",
    "DISABLE_VERSION_CHECK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def main(arguments: list[str] | None = None) -> None:
    """Measures rows and adds them to the file of results, or writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trl", help="python with transformers, PEFT and TRL 1.16")
    parser.add_argument("--llamafactory", help="python with LLaMA-Factory 0.9.5")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--without", nargs="+", default=[], help="names of contenders to leave out")
    parser.add_argument("--missing", action="store_true", help="only rows that are not there yet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path, metavar="RESULTS", help="write the docs; no measuring")
    chosen = parser.parse_args(arguments)
    if chosen.page:
        from train_page import write_pages

        write_pages(chosen.page)
        return
    homes = {"own": sys.executable, "trl": chosen.trl, "llamafactory": chosen.llamafactory}
    results = known(chosen.out)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        os.environ["TUNESMITH_CACHE"] = str(Path(place) / "cache")
        for name in chosen.only:
            if chosen.missing and name in results["rows"]:
                continue
            row = ROWS[name]
            entrants = [e for e in row.entrants if homes[e.home] and e.name not in chosen.without]
            results["rows"][name] = measured(
                row, entrants, homes, Path(place), chosen.threads, chosen.rounds
            )
            if chosen.out:
                chosen.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
            print(told(name, results["rows"][name], time.perf_counter() - begun), flush=True)
    for found in reached(results["rows"]):
        print(f"{'yes' if found.is_met else 'NO ':3} {found.goal.bound:5} {found.goal.words}: "
              f"{found.words}")  # fmt: skip


def known(file: Path | None) -> dict[str, Any]:
    """What a file of results has already."""
    if file and file.is_file():
        return json.loads(file.read_text("utf-8"))
    return {"what": "training beside the peers", "rows": {}}


def measured(
    row: Row, entrants: list[Entrant], homes: dict[str, Any], place: Path, threads: int, rounds: int
) -> dict[str, Any]:
    """One row: contenders in turn, round by round."""
    begun = machine()
    material = make(row.work, place, threads)
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        running: dict[str, Contender] = {}
        for entrant in entrants:
            given = {**material.fields, "options": dict(entrant.options)}
            try:
                contender = Contender(str(homes[entrant.home]), entrant.script, given, ENV)
                stack.enter_context(contender)
                contender.run(1)  # a step, or a whole run: what is done once is not counted
            except RuntimeError as error:
                found[entrant.name] = {"failed": str(error)}
                print(f"{entrant.name}: {error}", file=sys.stderr)
                continue
            running[entrant.name] = contender
            found[entrant.name] = {**contender.about, "runs": []}
        for number in range(rounds):
            for name, contender in running.items():
                took = contender.run(row.n_steps)
                tokens = useful_tokens(row, material, number)
                load = round(os.getloadavg()[0], 2)
                found[name]["runs"].append({**took, "tokens": tokens, "load": load})
        for name, contender in running.items():
            found[name]["losses"] = contender.end()
    return {
        "machine": {**begun, "load_after": round(os.getloadavg()[0], 2)},
        "threads": threads,
        "work": asdict(row.work),
        "note": row.note,
        "tokens_of_a_row": {"least": min(material.lengths), "most": max(material.lengths)},
        "target_share": round(sum(material.targets) / sum(material.lengths), 4),
        "products_per_token": products_per_token(
            asdict(row.work), material.lengths, sum(material.targets)
        ),
        "contenders": found,
    }


def useful_tokens(row: Row, material: Material, number: int) -> int:
    """Tokens that are no padding of one round's steps; a shared prefix counts for each example."""
    if row.work.epochs is not None:
        return row.n_steps * row.work.epochs * sum(material.lengths)
    size = row.work.batch_size
    first = (1 + number * row.n_steps) * size  # a step went before, uncounted
    places = range(first, first + row.n_steps * size)
    return sum(material.lengths[place % len(material.lengths)] for place in places)


def told(name: str, row: dict[str, Any], seconds: float) -> str:
    """One row in words, for the terminal."""
    lines = [f"{name}  (load {row['machine']['load']}, {seconds:.0f} s since the start)"]
    for contender, found in row["contenders"].items():
        if contender == PRODUCTS.name or "failed" in found:
            continue
        tokens = sum(run["tokens"] for run in found["runs"])
        per_cpu, per_wall = (
            tokens / sum(run[clock] for run in found["runs"]) for clock in ("cpu_s", "wall_s")
        )
        losses = found["losses"]
        lines.append(
            f"  {contender:30} {per_cpu:8,.0f} tokens/CPU s {per_wall:8,.0f} tokens/s "
            f"{max(run['memory_mb']['peak'] for run in found['runs']):7,.0f} MB "
            f"loss {losses[0]:.4f} to {losses[-1]:.4f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
