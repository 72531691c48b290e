"""Data preparation against the peers: from JSON lines to packed, masked token ids.

    python benchmarks/data.py --tokenizer DIR --dialogues FILE... --trl PYTHON --llamafactory PYTHON

Every contender is a whole process with its own environment, on the same file and tokenizer, with
two processes where it has processes; rounds are interleaved. ``seconds`` is what the contender's
own code takes, without its imports; ``wall`` is the whole process.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measure import Measured, as_dict, machine, measure

HERE = Path(__file__).parent
REQUEST = "Summarize the following conversation.\n\n"
EDITED_FRACTION = 0.05
"""Share of words that an edit replaces, so that no two records are equal."""


def main() -> None:
    """Runs the benchmark and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokenizer", required=True, type=Path)
    parser.add_argument("--dialogues", required=True, nargs="+", type=Path)
    parser.add_argument("--trl", help="python with TRL 1.16")
    parser.add_argument("--llamafactory", help="python with LLaMA-Factory 0.9.5")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    contenders = {"tunesmith": (sys.executable, "tunesmith_data.py")}
    if chosen.llamafactory:
        contenders["LLaMA-Factory"] = (chosen.llamafactory, "llamafactory_data.py")
    if chosen.trl:
        contenders["TRL"] = (chosen.trl, "trl_data.py")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "train.jsonl"
        write(file, chosen.dialogues, chosen.records)
        runs: dict[str, list[Measured]] = {name: [] for name in [*contenders, "tunesmith again"]}
        for number in range(chosen.rounds):
            for name, (python, script) in contenders.items():
                runs[name].append(once(python, script, file, chosen.tokenizer, folder, number))
                if name == "tunesmith":
                    again = once(python, script, file, chosen.tokenizer, folder, number)
                    runs["tunesmith again"].append(again)
        size_mb = file.stat().st_size / 1e6
    result = {"machine": machine(), "records": chosen.records, "file_mb": round(size_mb, 1)}
    result["runs"] = {name: as_dict(found) for name, found in runs.items()}
    print(table(runs))
    if chosen.out:
        chosen.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def once(
    python: str, script: str, file: Path, tokenizer: Path, folder: Path, number: int
) -> Measured:
    """One run of one contender, with the caches of its round."""
    caches = {
        "TUNESMITH_CACHE": str(folder / f"cache-{number}"),
        "HF_DATASETS_CACHE": str(folder / f"datasets-{script}-{number}"),
        "HF_HUB_OFFLINE": "1",
        "DISABLE_VERSION_CHECK": "1",
        "TOKENIZERS_PARALLELISM": "true" if script.startswith("tunesmith") else "false",
    }
    command = [python, str(HERE / "peers" / script), str(file), str(tokenizer)]
    return measure([*command, str(folder / f"{script}-{number}")], caches)


def table(runs: dict[str, list[Measured]]) -> str:
    """Medians as a Markdown table; ratios are against tunesmith's first run."""
    ours = runs["tunesmith"]
    lines = [
        "| | seconds | wall s | CPU s | peak MB | times ours | tokens |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        if not found:
            continue
        seconds = [float(run.output["seconds"]) for run in found]
        ratio = statistics.median(seconds) / statistics.median(
            [float(run.output["seconds"]) for run in ours]
        )
        cells = [
            f"{statistics.median(values):.1f}"
            for values in (
                seconds,
                [run.wall_s for run in found],
                [run.cpu_s for run in found],
                [run.peak_memory_mb for run in found],
            )
        ]
        version = found[0].output["version"]
        tokens = found[0].output["tokens"]
        lines.append(f"| {name} {version} | {' | '.join(cells)} | {ratio:.2f} | {tokens:,} |")
    return "\n".join(lines)


def write(file: Path, sources: Sequence[Path], n_records: int) -> None:
    """Writes prompt and completion records, the dialogues again and again with edits."""
    generator = random.Random(0)
    found = [pair for source in sources for pair in dialogues(source)]
    words = " ".join(dialogue for dialogue, _ in found).split(" ")
    with file.open("w", encoding="utf-8") as lines:
        for number in range(n_records):
            dialogue, summary = found[number % len(found)]
            if number >= len(found):
                dialogue = edited(dialogue, words, generator)
            record = {"prompt": REQUEST + dialogue, "completion": summary}
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")


def dialogues(source: Path) -> Iterator[tuple[str, str]]:
    """Dialogues with their summaries, of DialogSum or of TweetSumm's record form."""
    for line in source.read_text("utf-8").splitlines():
        record: dict[str, Any] = json.loads(line)
        if "dialogue" in record and "summary" in record:
            yield record["dialogue"], record["summary"]
        elif "log" in record:
            turns = [
                f"{speaker}: {turn[key]}"
                for turn in record["log"]
                for speaker, key in (("user", "user utterance"), ("agent", "system response"))
                if turn.get(key)
            ]
            info = json.loads(record["original dialog info"])
            summaries = info["summaries"]["abstractive_summaries"] or []
            if summaries and summaries[0]:
                yield "\n".join(turns), " ".join(summaries[0])


def edited(text: str, words: Sequence[str], generator: random.Random) -> str:
    """A text with some of its words replaced by others."""
    parts = text.split(" ")
    for _ in range(max(1, round(len(parts) * EDITED_FRACTION))):
        parts[generator.randrange(len(parts))] = generator.choice(words)
    return " ".join(parts)


if __name__ == "__main__":
    main()
