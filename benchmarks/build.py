"""Build: what `tunesmith data build` reaches: throughput, memory, faults, parsing.

The teacher is a scripted server in a process of its own, so what is measured is the build.

Usage: python benchmarks/build.py [throughput] [memory] [faults] [parsing DIR]   all: no words
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from measure import machine

HERE = Path(__file__).parent
ROOT = HERE.parent
LIMIT_PER_MINUTE = 6000
N_THROUGHPUT, N_FAULTS = 1000, 300
SIZES = (1, 50, 500, 5000)
SENTENCES = [
    "The {thing} of hall {n} is cleaned every {figure} hours by two people of the night shift.",
    "In {figure} the workshop in hall {n} bought a second {thing} from a maker in the next town.",
    "A {thing} that stands for more than {figure} days is tested before it runs in hall {n}.",
    "The book of hall {n} lists {figure} faults of the {thing}, most of them in cold weather.",
]
THINGS = ["pump", "valve", "heater", "meter", "filter", "motor", "sensor", "press"]
SERVER = """
import json, sys
from tunesmith.synthesize.teacher.extract import reply_from_passage
from tunesmith.synthesize.teacher.script import Fault, Rule, Script
from tunesmith.synthesize.teacher.server import TeacherServer
told = json.loads(sys.argv[1])
kinds = [Fault("status", 503), Fault("reset"), Fault("garbage"), Fault("half-closed")]
rules = tuple(Rule(f"(?#{n})", (f,), probability=told["faults"]) for n, f in enumerate(kinds))
server = TeacherServer(Script(rules, otherwise=reply_from_passage), burst_s=0.5,
                       requests_per_minute=told["limit"])
with server:
    print(server.url, flush=True)
    sys.stdin.readline()
    print(json.dumps([[e.outcome, e.arrived_s] for e in server.ledger.entries]))
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

    def __init__(self, *, limit: int | None = None, faults: float = 0.0) -> None:
        told = json.dumps({"limit": limit, "faults": faults})
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def end(self) -> list[list[Any]]:
        """Stops it; outcome and arrival of every request."""
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


def throughput(place: Path) -> dict[str, Any]:
    """Calls per second against what the endpoint allows, with 32 in flight."""
    write_documents(place / "docs", N_THROUGHPUT)
    server = Server(limit=LIMIT_PER_MINUTE)
    build(place / "docs", place / "out", server.url, "--at-once", "32")
    entries = server.end()
    # The steps are taken apart: between them drafts are judged and nothing is to be asked.
    arrived = [at for outcome, at in entries if outcome == "200"]
    first = arrived[:N_THROUGHPUT]
    rate = (len(first) - 1) / (first[-1] - first[0])
    return {
        "allowed_per_s": LIMIT_PER_MINUTE / 60,
        "reached_per_s": round(rate, 2),
        "fraction": round(rate / (LIMIT_PER_MINUTE / 60), 4),
        "refused": sum(outcome == "429" for outcome, _ in entries),
    }


def memory(place: Path) -> list[dict[str, Any]]:
    """Peak memory of the build's process as documents become more."""
    found = []
    for n in SIZES:
        write_documents(place / f"docs-{n}", n)
        server = Server()
        result, seconds, peak = build(place / f"docs-{n}", place / f"out-{n}", server.url)
        entries = server.end()
        found.append(
            {
                "documents": n,
                "calls": len(entries),
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
    outcomes = Counter(outcome for outcome, _ in server.end())
    fates = result["fates"]
    ended = fates["accepted"] + sum(fates["rejected"].values())
    lost = sum(n for step, n in fates["failed"].items() if step == "the call failed")
    return {
        "outcomes": dict(outcomes),
        "failed_calls_fraction": round(1 - outcomes["200"] / outcomes.total(), 3),
        "planned": fates["planned"],
        "ended": ended,
        "lost_to_failed_calls": lost,
        "terminal_fraction": 1 - lost / fates["planned"],
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


def main(words: list[str]) -> None:
    """Measures what is asked for, and prints one JSON object."""
    found: dict[str, Any] = {"machine": machine()}
    wanted = [word for word in words if word in ("throughput", "memory", "faults", "parsing")]
    wanted = wanted or ["throughput", "memory", "faults"]
    for name in wanted:
        with tempfile.TemporaryDirectory() as place:
            match name:
                case "throughput":
                    found[name] = throughput(Path(place))
                case "memory":
                    found[name] = memory(Path(place))
                case "faults":
                    found[name] = faults(Path(place))
                case _:
                    found[name] = parsing(Path(words[words.index("parsing") + 1]))
        print(name, found[name], flush=True)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
