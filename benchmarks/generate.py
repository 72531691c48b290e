"""Generation for evaluation beside transformers': tokens a second over the same 200 prompts.

    python benchmarks/generate.py --out RESULTS.json     all of it, about ten minutes on two cores
    python benchmarks/generate.py --quick                few prompts, one round, nothing written
    python benchmarks/generate.py --page RESULTS.json    docs/reference/generation-speed.md

All contenders of a row have the same weights in memory, in one process, and take turns. Prompts are
dialogues of DialogSum; an answer has as many tokens as the dialogue's real summary, whatever the
model says, so that all write the same number. Of the slow ones a share of the prompts is measured
in every round, evenly drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from generate_contenders import CONTINUOUS, FEW, FEW_APART, ONE, Work, contenders_of
from generate_material import Material, material_of, model_of
from measure import machine

GOALS = ((ONE, 5.0), ("transformers, batches", 1.3))


def main(arguments: list[str] | None = None) -> None:
    """Measures and writes the results, or the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=["110M", "stories260K"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path, metavar="RESULTS", help="write the docs; no measuring")
    chosen = parser.parse_args(arguments)
    if chosen.page:
        from generate_page import write_page

        write_page(chosen.page)
        return
    if chosen.quick:
        chosen.rounds, chosen.prompts = 1, min(chosen.prompts, 16)
    torch.set_num_threads(chosen.threads)
    results: dict[str, Any] = {
        "what": "generation beside transformers",
        "machine": machine(),
        "threads": chosen.threads,
        "rows": {},
    }
    for name in chosen.only or ("110M", "stories260K"):
        results["rows"][name] = measured(name, chosen.prompts, chosen.rounds)
        if chosen.out:
            chosen.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        print(told(name, results["rows"][name]), flush=True)


def measured(name: str, n_prompts: int, rounds: int) -> dict[str, Any]:
    """One model: contenders in turn, round by round."""
    model, material = model_of(name), material_of(name, n_prompts)
    contenders = contenders_of(name, n_prompts, rounds)
    failed = _warmed(name, model, material, contenders)
    found: dict[str, Any] = {key: {"runs": []} for key in contenders}
    answers: dict[str, dict[int, list[int]]] = {key: {} for key in contenders}
    for number in range(rounds):
        for key, (work, share) in contenders.items():
            if key == CONTINUOUS and number:
                continue
            rows = list(range(len(material.prompts))[number % share :: share])
            said, run = _timed(work, model, material, rows)
            answers[key] |= dict(zip(rows, said, strict=True))
            found[key]["runs"].append(run)
    lengths = [len(prompt) for prompt in material.prompts]
    return {
        "found": found,
        "failed": failed,
        "same": {
            key: _same(model, material, answers[ONE], answers[key])
            for key in contenders
            if key not in (ONE, FEW, FEW_APART)
        }
        | ({FEW: _equal(answers[FEW], answers[FEW_APART])} if FEW in answers else {}),
        "prompt_tokens": {"median": statistics.median(lengths), "most": max(lengths)},
        "answer_tokens": {
            "median": statistics.median(material.limits),
            "most": max(material.limits),
        },
        "preamble_tokens": len(material.preamble),
    }


def _warmed(
    name: str, model: Any, material: Material, contenders: dict[str, tuple[Work, int]]
) -> dict[str, str]:
    """Has each do once what is done once; takes out, and tells, what does not run here."""
    failed: dict[str, str] = {}
    for key, (work, _) in list(contenders.items()):
        try:
            work(model, material, [0, 1])
        except Exception as error:
            if key != CONTINUOUS:
                raise
            failed[key] = f"{type(error).__name__}: {error}"
            del contenders[key]
            continue
        print(f"{name}: {key} is warm", flush=True)
    return failed


def _timed(
    work: Work, model: Any, material: Material, rows: list[int]
) -> tuple[list[list[int]], dict[str, Any]]:
    wall, cpu = time.perf_counter(), time.process_time()
    said = work(model, material, rows)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return said, {
        "wall_s": wall,
        "cpu_s": cpu,
        "prompts": len(rows),
        "tokens": sum(map(len, said)),
        "load": round(os.getloadavg()[0], 2),
    }


def _same(
    model: Any, material: Material, one: dict[int, list[int]], other: dict[int, list[int]]
) -> dict[str, Any]:
    """How many answers are those of one at a time, and how near a tie the others part."""
    both = [row for row in one if row in other]
    gaps = []
    for row in both:
        if one[row] == other[row]:
            continue
        pairs = zip(one[row], other[row], strict=False)
        place = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        if place is None:
            gaps.append(None)
            continue
        ids = torch.tensor([material.prompts[row] + one[row][:place]])
        with torch.no_grad():
            logits = model(ids).logits[0, -1]
        gaps.append(float(logits[one[row][place]] - logits[other[row][place]]))
    return {"answers": len(both), "different": len(gaps), "gaps": gaps}


def _equal(one: dict[int, list[int]], other: dict[int, list[int]]) -> dict[str, Any]:
    both = [row for row in one if row in other]
    return {"answers": len(both), "different": sum(one[row] != other[row] for row in both)}


def speed(found: dict[str, Any]) -> float:
    """Tokens of answers a second, the median of the rounds."""
    return statistics.median(run["tokens"] / run["wall_s"] for run in found["runs"])


def told(name: str, row: dict[str, Any]) -> str:
    """One model in words, for the terminal."""
    lines = [
        f"{name}: prompts {row['prompt_tokens']}, answers {row['answer_tokens']}, "
        f"preamble {row['preamble_tokens']}; failed: {row['failed']}"
    ]
    base = speed(row["found"][ONE])
    for key, found in row["found"].items():
        cpu = statistics.median(run["tokens"] / run["cpu_s"] for run in found["runs"])
        same = row["same"].get(key, "")
        lines.append(
            f"  {key:42} {speed(found):9,.1f} tokens/s {cpu:9,.1f} tokens/CPU s "
            f"{speed(found) / base:6.2f}x {same}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
