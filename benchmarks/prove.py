"""Base, tuned, few-shot and hosted models side by side on real data, by the command line alone.

    python benchmarks/prove.py ../shared/data --out benchmarks/results/NAME.json [--page]

Everything is done as a user would: ``tunesmith train``, ``tunesmith prompt`` and ``tunesmith
compare`` in processes of their own. Each comparison is made twice; the second one has to tell the
same to the byte. "Hosted" is a real HTTP server on the loopback address with a model behind it that
has never seen these data: the bundled model, tuned on the bundled dialogues (``prove_server.py``).
``--out`` is written after every case, and a case that stands there is not done again. ``--work``
keeps runs and comparisons, so that a stop goes on where it was. ``--page`` writes
docs/reference/proof.md of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from measure import machine
from prove_cases import HOSTED, Case, Size, cases
from prove_page import write_page

QUICK = Size(rows=96, asked=24, epochs=1.0)
PRICES = ("0.15", "0.60")
"""Of a million tokens; made up, to have a column of costs."""
TOLD = ("comparison.json", "comparison.md")


class Bench:
    """A folder to work in, and the commands that were run there."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder."""
        self.folder = folder
        self.environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "TUNESMITH_CACHE": str(folder / "cache"),
        }
        self.commands: list[dict[str, Any]] = []

    def run(self, *arguments: str) -> None:
        """One ``tunesmith`` command, to its end.

        Raises:
            SystemExit: it fails.
        """
        print("tunesmith", *arguments, flush=True)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "tunesmith", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        took = time.perf_counter() - began
        told = [str(a).replace(str(self.folder) + "/", "") for a in arguments]
        self.commands.append({"command": " ".join(["tunesmith", *told]), "seconds": took})
        if done.returncode != 0:
            raise SystemExit(f"ended with {done.returncode}:\n{done.stdout[-3000:]}")

    def train(self, name: str, fields: Mapping[str, Any]) -> Path:
        """The run of a recipe; one that is finished is taken as it is."""
        run = self.folder / "runs" / name
        if not (run / "summary.json").is_file():
            recipe = self.recipe(name, fields)
            resume = ["--resume"] if (run / "recipe.yaml").is_file() else []
            self.run("train", str(recipe), *resume)
        return run

    def recipe(self, name: str, fields: Mapping[str, Any]) -> Path:
        """The file of a recipe."""
        file = self.folder / f"{name.replace('/', '-')}.yaml"
        out = str(self.folder / "runs" / name)
        file.write_text(yaml.safe_dump({**fields, "out": out}, sort_keys=False), "utf-8")
        return file


@contextmanager
def served(model: str, bench: Bench) -> Generator[str]:
    """The URL of a server with a model behind it, while the block runs."""
    program = Path(__file__).with_name("prove_server.py")
    process = subprocess.Popen(
        [sys.executable, str(program), model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=bench.environment,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("the server did not start")
        yield f"{url}#served"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def prove(bench: Bench, name: str, case: Case, hosted: str) -> dict[str, Any]:
    """Trains what a case needs, compares twice, and tells what came out."""
    bench.commands = []
    models: dict[str, str] = {}
    for label, model in case.models.items():
        kind, _, recipe = model.partition(":")
        place = f"{name}-{recipe}"
        if kind == "run":
            models[label] = str(bench.train(place, case.recipes[recipe]))
        elif kind == "prompt":
            out = bench.folder / "prompted" / place
            if not out.is_dir():
                file = bench.recipe(place, case.recipes[recipe])
                options = ["--shots", str(case.shots), "--choose", "nearest"]
                bench.run("prompt", str(file), *options, "--out", str(out))
            models[label] = str(out)
        else:
            models[label] = model
    out = bench.folder / "compared" / name
    data = bench.folder / f"{name}-{next(iter(case.recipes))}.yaml"
    fixed = ["--data", str(data), "--out", str(out), *case.options]
    if HOSTED in models.values():
        fixed += ["--prices", *PRICES]
        with served(hosted, bench) as url:
            named = [f"{n}={url if m == HOSTED else m}" for n, m in models.items()]
            found, told = _twice(bench, out, named, fixed)
    else:
        found, told = _twice(bench, out, [f"{n}={m}" for n, m in models.items()], fixed)
    return {
        "title": case.title,
        "about": case.about,
        "settings": {key: _settings(one) for key, one in case.recipes.items()},
        "commands": bench.commands,
        "same_to_the_byte": told,
        "training": {
            recipe: _trained(bench.folder / "runs" / f"{name}-{recipe}") for recipe in case.recipes
        },
        "comparison": found,
    }


def _twice(
    bench: Bench, out: Path, models: list[str], fixed: list[str]
) -> tuple[dict[str, Any], dict[str, bool]]:
    """The same comparison twice: what it found, and whether it came out the same."""
    bench.run("compare", *models, *fixed)
    first = {file: (out / file).read_bytes() for file in TOLD}
    bench.run("compare", *models, *fixed)
    told = {file: (out / file).read_bytes() == first[file] for file in TOLD}
    found = json.loads((out / TOLD[0]).read_text("utf-8"))
    return {key: value for key, value in found.items() if key != "request"}, told


def _settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recipe makes the difference, without this machine's paths."""
    kept = {k: v for k, v in fields.items() if k not in ("data", "model")}
    return {"model": Path(fields["model"]["path"]).name, **kept}


def _trained(run: Path) -> dict[str, Any]:
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    told = ("steps", "seconds", "eval_loss_first", "eval_loss_best", "trainable_parameters")
    rows = {split: entry["kept"] + entry["cut"] for split, entry in summary["ledger"].items()}
    cut = {split: entry["cut"] for split, entry in summary["ledger"].items()}
    return {**{key: summary.get(key) for key in told}, "rows": rows, "rows_cut": cut}


def main() -> None:
    """Does what is missing in the file of results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--out", type=Path, required=True, help="file of results")
    parser.add_argument("--work", type=Path, help="keeps runs and comparisons; else none is kept")
    parser.add_argument("--quick", action="store_true", help="a few rows of each, to see it work")
    parser.add_argument("--only", action="append", metavar="CASE", help="may come again")
    parser.add_argument("--page", action="store_true", help="write docs/reference/proof.md")
    given = parser.parse_args()
    results = json.loads(given.out.read_text("utf-8")) if given.out.is_file() else {}
    size = QUICK if given.quick else Size()
    results.setdefault("machine", machine())
    results["quick"] = given.quick
    proved = results.setdefault("cases", {})
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.work or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder)
        known = cases(given.data.resolve(), folder / "made", size)
        wanted = [name for name in given.only or known if name not in proved]
        hosted = "tunesmith-tiny"
        if not given.quick and any(HOSTED in known[n].models.values() for n in wanted):
            hosted = str(folder / "runs" / "hosted")
            if not (Path(hosted) / "summary.json").is_file():
                bench.run("train", "demo", f"out={hosted}")
        for name in wanted:
            proved[name] = prove(bench, name, known[name], hosted)
            results["seconds"] = results.get("seconds", 0) + time.perf_counter() - began
            began = time.perf_counter()
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    unequal = [name for name, one in proved.items() if not all(one["same_to_the_byte"].values())]
    if given.page:
        write_page(given.out)
    if unequal:
        raise SystemExit(f"a second comparison told something else: {', '.join(unequal)}")


if __name__ == "__main__":
    main()
