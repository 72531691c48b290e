"""What one GPU does: training, preferences and generation at 7B, kernels, and the peers beside.

    python benchmarks/gpu.py [--out RESULTS.json] [--cases lora qlora ...] [--smoke]
    python benchmarks/gpu.py --kernels
    python benchmarks/gpu.py --trl PYTHON --unsloth PYTHON

Weights are random and made on the device, rows have the lengths of real ones. Every case is a
process of its own with a limit of time, so that one that fails leaves its reason and the others
their figures. Peers run where their packages are, in this interpreter or in the one that is named.
``--smoke`` runs all of it on a processor with tiny shapes; its figures say nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from gpu_verdicts import PEERS, ratios, table, verdicts
from gpu_work import matrix_limit
from measure import machine

from tunesmith.model.device import default_device

HERE = Path(__file__).parent
CASES = ("lora", "qlora", "qlora-each-pass", "full", "dpo", "generate")
LIMIT_S = 120
TOTAL_S = 470
"""Of everything: what is left out for want of time is said to be."""


def main() -> None:
    """Runs the cases, prints a table and writes the figures."""
    arguments = _arguments()
    smoke, device = arguments.smoke, default_device()
    if device.type != "cuda" and not smoke:
        sys.exit("there is no CUDA device on this machine. Try the program with --smoke.")
    started = time.perf_counter()
    found: dict[str, Any] = {
        "machine": {**machine(), **_device(device)},
        "versions": _versions(),
        "smoke": smoke,
        "flop_per_s": matrix_limit(device, 256 if smoke else 8192),
        "cases": {},
    }
    print(f"matrix products: {found['flop_per_s'] / 1e12:.0f} TFLOP/s", flush=True)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    for name, command in _commands(arguments):
        left = TOTAL_S - (time.perf_counter() - started)
        entry = _run(command, min(LIMIT_S, left)) if left > 15 else {"skipped": "no time left"}
        if "flop_per_token" in entry and "tokens_per_s" in entry:
            is_computed = 1 - entry.get("shared_fraction", 0.0)
            spent = entry["flop_per_token"] * entry["tokens_per_s"] * is_computed
            entry["share_of_limit"] = spent / found["flop_per_s"]
        found["cases"][name] = entry
        print(_line(name, entry), flush=True)
        _write(arguments.out, found)
    found["ratios"] = ratios(found["cases"])
    found["verdicts"] = verdicts(found["cases"], found["machine"]["gpu"])
    found["seconds"] = time.perf_counter() - started
    _write(arguments.out, found)
    if smoke:
        print("a smoke run: its figures say nothing")
        return
    print(table(found["verdicts"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=CASES, default=CASES)
    parser.add_argument("--kernels", action="store_true", help="the kernels and nothing else")
    parser.add_argument("--trl", default=sys.executable, help="interpreter that has TRL and Liger")
    parser.add_argument("--unsloth", default=sys.executable, help="interpreter that has Unsloth")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    default = HERE / "results" / f"{time.strftime('%Y-%m-%d')}-gpu.json"
    parser.add_argument("--out", type=Path, default=default)
    return parser.parse_args()


def _commands(arguments: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Name and command of each case; ours and the peers' side by side."""
    end = ["--smoke"] if arguments.smoke else []
    kernels = ("kernels", [sys.executable, str(HERE / "gpu_kernels.py"), *end])
    if arguments.kernels:
        return [kernels]
    found = []
    for case in arguments.cases:
        found.append((case, [sys.executable, str(HERE / "gpu_case.py"), case, *end]))
        for peer, known in PEERS.items():
            if case in known and not arguments.no_peers:
                script = str(HERE / "peers" / "trl_gpu.py")
                extra = ["--unsloth"] if peer == "unsloth" else []
                python = getattr(arguments, peer)
                found.append((f"{case} {peer}", [python, script, case, *extra, *end]))
    return [*found, kernels]


def _run(command: Sequence[str], limit_s: float) -> dict[str, Any]:
    """What a case printed as its last line, or why there is nothing."""
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return {"skipped": f"it took more than {limit_s:.0f} s"}
    except OSError as error:
        return {"skipped": f"{command[0]}: {error.strerror}"}
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"failed": reason, "stderr": done.stderr[-3000:]}
    try:
        found: dict[str, Any] = json.loads(lines[-1])
    except json.JSONDecodeError:
        return {"failed": f"its last line is no JSON: {lines[-1][:200]}"}
    return {**found, "process_s": round(time.perf_counter() - started, 1)}


def _line(name: str, entry: dict[str, Any]) -> str:
    if "tokens_per_s" in entry:
        parts = [f"{entry['tokens_per_s']:>9,.0f} tokens/s"]
        if "share_of_limit" in entry:
            parts.append(f"{entry['share_of_limit']:.0%} of the limit")
        if "tokens_per_s_unshared" in entry:
            parts.append(f"{entry['tokens_per_s_unshared']:,.0f} unshared")
        if entry.get("peak_gib"):
            parts.append(f"{entry['peak_gib']:.1f} GiB")
        parts.append(f"loss {entry['loss_first']} -> {entry['loss_last']}")
    elif "new_tokens_per_s" in entry:
        parts = [f"{entry['new_tokens_per_s']:>9,.0f} new tokens/s"]
    elif "skipped" in entry or "failed" in entry:
        parts = [next(f"{key}: {entry[key]}" for key in ("skipped", "failed") if key in entry)]
    else:
        parts = [
            f"{kernel}: {one['ratio']:.2f}x, {one['gb_per_s']:.0f} GB/s, off by "
            f"{one['difference']:.0e}"
            for kernel, one in entry.items()
            if isinstance(one, dict)
        ]
        return "\n".join([name, *(f"  {part}" for part in parts)])
    return f"{name:<18}" + ", ".join(parts)


def _device(device: torch.device) -> dict[str, Any]:
    if device.type != "cuda":
        return {"gpu": None}
    known = torch.cuda.get_device_properties(device)
    return {"gpu": known.name, "gpu_gib": round(known.total_memory / 2**30)}


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in ("torch", "triton", "transformers", "peft", "bitsandbytes", "trl", "liger-kernel"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _write(out: Path, found: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
