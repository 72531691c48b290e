"""Build: what `tunesmith data build` reaches: throughput, memory, faults, parsing, repeats, fates.

The teacher is a scripted server in a process of its own, so what is measured is the build. It
answers as `tunesmith teacher demo` does: from the passage, without a language model.

Usage: python benchmarks/build.py WHAT ... [--documents DIR] [--out FILE.json]

WHAT is throughput, tokens, memory, faults, parsing, dedupe or documents; parsing and documents read
DIR. A file that is there keeps what is not measured this time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import machine

HERE = Path(__file__).parent
ROOT = HERE.parent
LIMITS_PER_MINUTE = {"requests": 3000, "tokens": 3_000_000}
N_THROUGHPUT, N_FAULTS, N_PAIRS = 1000, 300, 10_000
SIZES = (1, 50, 500, 5000)
SENTENCES = [
    "The {thing} of hall {n} is cleaned every {figure} hours by two people of the night shift.",
    "In {figure} the workshop in hall {n} bought a second {thing} from a maker in the next town.",
    "A {thing} that stands for more than {figure} days is tested before it runs in hall {n}.",
    "The book of hall {n} lists {figure} faults of the {thing}, most of them in cold weather.",
]
THINGS = ["pump", "valve", "heater", "meter", "filter", "motor", "sensor", "press"]
SERVER = """
import json, sys, time
from tunesmith.synthesize.teacher.account import Allowance
from tunesmith.synthesize.teacher.extract import reply_from_passage
from tunesmith.synthesize.teacher.script import Fault, Rule, Script
from tunesmith.synthesize.teacher.server import TeacherServer
told = json.loads(sys.argv[1])
taken = []
class Counted(Allowance):
    def take(self, amount):
        wait = super().take(amount)
        if not wait:
            taken.append((time.monotonic(), amount))
        return wait
kinds = [Fault("status", 503), Fault("reset"), Fault("garbage"), Fault("half-closed")]
rules = tuple(Rule(f"(?#{n})", (f,), probability=told["faults"]) for n, f in enumerate(kinds))
server = TeacherServer(Script(rules, otherwise=reply_from_passage))
server.limits = {kind: Counted(limit, limit * 0.5 / 60) for kind, limit in told["limits"].items()}
with server:
    print(server.url, flush=True)
    sys.stdin.readline()
    print(json.dumps({"outcomes": server.ledger.counts(), "taken": taken}))
"""


def write_documents(folder: Path, n: int, n_sentences: int = 8) -> None:
    """Text files of a few paragraphs, no two alike."""
    folder.mkdir(parents=True)
    for number in range(n):
        draw = random.Random(number)
        lines = [
            draw.choice(SENTENCES).format(
                thing=draw.choice(THINGS), n=number, figure=draw.randrange(100, 9999)
            )
            for _ in range(n_sentences)
        ]
        (folder / f"{number:05d}.txt").write_text("\n\n".join(lines), "utf-8")


class Server:
    """A teacher in a process of its own."""

    def __init__(self, *, faults: float = 0.0, **limits: int) -> None:
        told = json.dumps({"limits": limits, "faults": faults})
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def end(self) -> dict[str, Any]:
        """Stops it; ``outcomes`` of all requests, and when ``taken`` how much of the limit."""
        out, _ = self._process.communicate("\n")
        return json.loads(out)


def build(folder: Path, out: Path, url: str, *more: str) -> tuple[dict[str, Any], float, int]:
    """Runs the command; its result, seconds, and peak memory of its process in MiB."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "tunesmith", "data", "build", str(folder), "--json"]
    command += ["--teacher", f"{url}#teacher", "--out", str(out), "--per-chunk", "2", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the build ended with {status}: {text[-500:]}")
    return json.loads(text), time.perf_counter() - started, usage.ru_maxrss // 1024


def throughput(place: Path, kind: str) -> dict[str, Any]:
    """What is used of a limit on requests or tokens, with 32 in flight."""
    write_documents(place / "docs", N_THROUGHPUT)
    limit = LIMITS_PER_MINUTE[kind]
    before = os.getloadavg()[0]
    server = Server(**{kind: limit})
    build(place / "docs", place / "out", server.url, "--at-once", "32")
    ended = server.end()
    # The steps are taken apart: between them drafts are judged and nothing is to be asked.
    taken = ended["taken"]
    steps = {"generate": taken[:N_THROUGHPUT], "verify": taken[N_THROUGHPUT:]}
    return {
        "limit_per_minute": limit,
        "used_fraction": {step: _used(part, limit / 60) for step, part in steps.items()},
        "calls": {step: len(part) for step, part in steps.items()},
        "refused": ended["outcomes"].get("429", 0),
        "load_before": round(before, 2),
    }


def _used(taken: list[list[float]], per_s: float) -> float:
    """Share of the limit that was used from the first call to the last, the last left out."""
    seconds = taken[-1][0] - taken[0][0]
    return round(sum(amount for _, amount in taken[:-1]) / seconds / per_s, 4)


def memory(place: Path) -> list[dict[str, Any]]:
    """Peak memory of the build's process as documents become more."""
    found = []
    for n in SIZES:
        write_documents(place / f"docs-{n}", n)
        server = Server()
        result, seconds, peak = build(place / f"docs-{n}", place / f"out-{n}", server.url)
        outcomes = server.end()["outcomes"]
        found.append(
            {
                "documents": n,
                "calls": sum(outcomes.values()),
                "rows": result["fates"]["planned"],
                "accepted": result["fates"]["accepted"],
                "seconds": round(seconds, 1),
                "peak_mib": peak,
            }
        )
        print(found[-1], flush=True)
    return found


def faults(place: Path) -> dict[str, Any]:
    """Share of rows that come to an end although about 30 % of all calls fail."""
    write_documents(place / "docs", N_FAULTS)
    server = Server(faults=0.085)
    result, seconds, _ = build(place / "docs", place / "out", server.url)
    outcomes = Counter(server.end()["outcomes"])
    fates = result["fates"]
    ended = fates["accepted"] + sum(fates["rejected"].values())
    lost = fates["failed"].get("the call failed", 0)
    assert ended + sum(fates["failed"].values()) == fates["planned"]
    return {
        "outcomes": dict(outcomes),
        "failed_calls_fraction": round(1 - outcomes["200"] / outcomes.total(), 3),
        "planned": fates["planned"],
        "accepted_or_rejected": ended,
        "failed": fates["failed"],
        "terminal_fraction": round(1 - lost / fates["planned"], 5),
        "seconds": round(seconds, 1),
    }


def parsing(folder: Path) -> dict[str, Any]:
    """Seconds of reading all documents of a folder."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "tunesmith", "data", "read", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    told = {key: result[key] for key in ("found", "read", "skipped_files", "chunks")}
    return {**told, "seconds": round(time.perf_counter() - started, 2)}


def dedupe() -> dict[str, Any]:
    """Seconds, recall and precision of finding the repeats among made pairs."""
    sys.path.insert(0, str(ROOT / "tests" / "synthesize" / "made"))
    from made_pairs import made_pairs

    from tunesmith.synthesize.dedupe import Dedupe

    found: dict[str, Any] = {}
    for language in ("en", "zh"):
        pairs = made_pairs(N_PAIRS, language)
        started = time.perf_counter()
        rows = Dedupe()
        for pair in pairs:
            rows.add(pair.id, pair.question, pair.answer, pair.split)
        dropped = set(rows.drops())
        seconds = time.perf_counter() - started
        planted = {pair.id for pair in pairs if pair.repeats}
        found[language] = {
            "pairs": len(pairs),
            "seconds": round(seconds, 1),
            "recall": round(len(dropped & planted) / len(planted), 4),
            "precision": round(len(dropped & planted) / len(dropped), 4),
        }
    return found


def documents(folder: Path, place: Path) -> list[dict[str, Any]]:
    """What becomes of every real document, each built for itself, and of all together."""
    server = Server()
    files = sorted(path for path in folder.iterdir() if path.is_file())
    found = []
    for number, path in enumerate([*files, folder]):
        name = "all together" if path == folder else path.name
        result, seconds, _ = build(path, place / str(number), server.url)
        fates = result["fates"]
        one = {
            "document": name,
            "blocks": sum(d["blocks"] for d in result["documents"]),
            "chunks": sum(d["chunks"] for d in result["documents"]),
            "skipped": len(result["skipped"]),
            "planned": fates["planned"],
            "accepted": fates["accepted"],
            "rejected": fates["rejected"],
            "failed": fates["failed"],
            "seconds": round(seconds, 1),
        }
        ended = [fates["accepted"], *fates["rejected"].values(), *fates["failed"].values()]
        assert sum(ended) == fates["planned"], one
        found.append(one)
        print(json.dumps(one, ensure_ascii=False), flush=True)
    server.end()
    return found


def main() -> None:
    """Measures what is asked for, and writes one JSON object."""
    known = ("throughput", "tokens", "memory", "faults", "parsing", "dedupe", "documents")
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="+", choices=known)
    parser.add_argument("--documents", type=Path, default=ROOT.parent / "shared/data/documents")
    parser.add_argument("--out", type=Path)
    words = parser.parse_args()
    kept = json.loads(words.out.read_text()) if words.out and words.out.exists() else {}
    found: dict[str, Any] = {**kept, "machine": machine(), "versions": versions()}
    for name in words.what:
        with tempfile.TemporaryDirectory() as place:
            match name:
                case "throughput":
                    figures: Any = throughput(Path(place), "requests")
                case "tokens":
                    figures = throughput(Path(place), "tokens")
                case "memory":
                    figures = memory(Path(place))
                case "faults":
                    figures = faults(Path(place))
                case "parsing":
                    figures = parsing(words.documents)
                case "dedupe":
                    figures = dedupe()
                case _:
                    figures = documents(words.documents, Path(place))
        print(name, json.dumps(figures, ensure_ascii=False), flush=True)
        # Of what hangs on the machine's other work every run is kept, not the best.
        found[name] = (
            [*kept.get(name, []), figures] if name in ("throughput", "tokens") else figures
        )
        if words.out:
            words.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")


def versions() -> dict[str, str]:
    """Of what takes part."""
    names = ("tunesmith", "httpx", "python-docx", "pypdf", "pdfplumber")
    return {name: version(name) for name in names}


if __name__ == "__main__":
    main()
