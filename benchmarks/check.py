"""Measures ``tunesmith data check``: megabytes of JSON lines per second, every check on.

The file is made of real dialogues, DialogSum's and TweetSumm's, repeated with half of their words
exchanged, so that rows are as long and as mixed as real ones and hardly any two are alike::

    python benchmarks/check.py ../shared/data --megabytes 100

CPU time is the figure to compare: other work on the machine lengthens the wall time.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tunesmith.checks.every import every_check
from tunesmith.checks.survey import survey
from tunesmith.data.settings import Data
from tunesmith.pipelines.check import check, make_request
from tunesmith.templates.tokenizer import Tokenizer


def real_dialogues(folder: Path) -> Iterator[tuple[str, str]]:
    """Dialogues with their summaries."""
    for file in sorted((folder / "dialogsum").glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            record = json.loads(line)
            yield record["dialogue"], record.get("summary") or record["summary1"]
    with (folder / "tweetsumm/csv_cleaned/tweetsum_train.csv").open(encoding="utf-8") as file:
        for record in csv.DictReader(file):
            if record["inputs"] and record["summaries"]:
                yield record["inputs"], record["summaries"]


def write_data(file: Path, folder: Path, n_bytes: int) -> int:
    """Writes about so many bytes of records; returns their number."""
    rng = random.Random(0)
    dialogues = list(real_dialogues(folder))
    words = " ".join(dialogue for dialogue, _ in dialogues).split(" ")
    n_rows = written = 0
    with file.open("w", encoding="utf-8") as out:
        while written < n_bytes:
            dialogue, summary = dialogues[n_rows % len(dialogues)]
            edited = dialogue.split(" ")
            for place in rng.sample(range(len(edited)), len(edited) // 2):
                edited[place] = rng.choice(words)
            record = {"dialogue": " ".join(edited), "summary": summary}
            written += out.write(json.dumps(record) + "\n")
            n_rows += 1
    return n_rows


def measure(file: Path) -> tuple[float, float, float]:
    """Seconds of CPU time for reading with all checks, for their findings, and of wall time."""
    started, wall = time.process_time(), time.perf_counter()
    checks = every_check()
    read = survey(Data(path=str(file)), checks)
    seen = time.process_time()
    findings = [finding for check in checks for finding in check.findings(read.rows)]
    done = time.process_time()
    for finding in findings:
        print(f"  {finding.severity}: {finding.fact}")
    return seen - started, done - seen, time.perf_counter() - wall


def measure_tokens(file: Path, tokenizer: Path, cache: Path) -> tuple[float, float]:
    """Wall seconds of a check that counts tokens, and of the tokenizer's own batch encoding.

    The second has the texts in memory already and does nothing else with what it finds.
    """
    os.environ["TUNESMITH_CACHE"] = str(cache)
    request = make_request(str(file), tokenizer=str(tokenizer), template="summarization")
    started = time.perf_counter()
    check(request)
    ours = time.perf_counter() - started
    fast = Tokenizer.from_folder(tokenizer).fast
    texts = [
        text for line in file.read_text("utf-8").splitlines() for text in json.loads(line).values()
    ]
    started = time.perf_counter()
    fast.encode_batch_fast(texts, add_special_tokens=False)
    return ours, time.perf_counter() - started


def main() -> None:
    """Makes the file, checks it and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds dialogsum/ and tweetsumm/")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokenizer", type=Path, help="also count tokens with this model's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "dialogues.jsonl"
        n_rows = write_data(file, options.folder, options.megabytes * 10**6)
        megabytes = file.stat().st_size / 1e6
        print(f"{n_rows:,} rows, {megabytes:.1f} MB, Python {platform.python_version()}")
        if options.tokenizer:
            ratios: list[float] = []
            for number in range(options.repeats):
                cache = Path(place) / f"cache-{number}"
                ours, batch = measure_tokens(file, options.tokenizer, cache)
                ratios.append(batch / ours)
                print(f"with tokens: {ours:.2f} s; batch encoding alone: {batch:.2f} s")
            print(f"share of batch encoding's speed, median: {statistics.median(ratios):.2f}")
            return
        best = 0.0
        for _ in range(options.repeats):
            looking, finding, wall = measure(file)
            cpu = looking + finding
            best = max(best, megabytes / cpu)
            print(
                f"CPU {cpu:.2f} s ({looking:.2f} reading and looking, {finding:.2f} findings), "
                f"wall {wall:.2f} s: {megabytes / cpu:.1f} MB per CPU second, "
                f"{megabytes / wall:.1f} MB/s of wall time"
            )
    unit = 1024 if sys.platform != "darwin" else 1024**2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"best: {best:.1f} MB per CPU second, one process, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
