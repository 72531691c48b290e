"""How long ``tunesmith train`` takes from its start to the end of its first step.

    python benchmarks/startup.py [--rounds 5] [--threads 2] [--whole] [key=value ...]

The recipe is the demo's, on the bundled model, with a warm cache. Each round is a process of its
own, which ends after its first step; wall seconds are counted from its birth, CPU seconds are its
own. Python keeps what it compiled of our files, as it does of any installed package. ``--whole``
builds transformers' class, as a recipe does that has answers made. Printed are medians, each step's
moment, and what is imported.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOMENTS = ("command imported", "data ready", "model ready", "evaluated", "first step")
CHILD = """
import json, os, sys, time
from typing import Literal

marks = {}
def mark(name):
    marks.setdefault(name, (time.time(), time.process_time()))

import tunesmith.pipelines.train as pipeline
from tunesmith.recipe import load_recipe
from tunesmith.trackers.tracker import OpenTracker, Tracker
mark("command imported")

class Marks(Tracker):
    name: Literal["marks"] = "marks"
    def open(self, folder, *, n_steps, from_step):
        mark("model ready")
        return Opened()

class Opened(OpenTracker):
    def evaluation(self, values):
        mark("evaluated")
    def step(self, values):
        mark("first step")
        print(json.dumps({"marks": marks, "n_modules": len(sys.modules)}), flush=True)
        os._exit(0)

if sys.argv[1] == "whole":
    import tunesmith.pipelines.tune
    tunesmith.pipelines.tune.answers_are_made = lambda recipe: True
prepared = pipeline.run_identity
def identity(*args, **kwargs):
    mark("data ready")
    return prepared(*args, **kwargs)
pipeline.run_identity = identity
pipeline.train(load_recipe(sys.argv[2], overrides=sys.argv[3:]), also=[Marks()])
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    rounds = [
        measured(given.whole, given.threads, given.overrides) for _ in range(given.rounds + 1)
    ][1:]  # the first one warms the caches
    result = {
        name: {
            "wall_s": round(statistics.median(r[name][0] for r in rounds), 2),
            "cpu_s": round(statistics.median(r[name][1] for r in rounds), 2),
        }
        for name in MOMENTS
        if name in rounds[0]
    }
    print(
        json.dumps(
            {
                "moments": result,
                "n_modules": rounds[0]["n_modules"],
                "rounds": given.rounds,
                "threads": given.threads,
                "load": os.getloadavg()[0],
            },
            indent=1,
        )
    )


def measured(whole: bool, threads: int, overrides: list[str]) -> dict:
    """One start: seconds from the process's birth to each moment, by wall and by its CPU."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", CHILD, "whole" if whole else "light"]
        command += [str(ROOT / "recipes/demo.yaml"), f"out={folder}/run", *overrides]
        env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        born = time.time()
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout:
            raise SystemExit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
    marks = {name: (wall - born, cpu) for name, (wall, cpu) in found["marks"].items()}
    return {**marks, "n_modules": found["n_modules"]}


if __name__ == "__main__":
    main()
