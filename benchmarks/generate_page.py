"""The page of generation speeds: docs/reference/generation-speed.md, from a file of results."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generate import GOALS, speed
from generate_contenders import APART, FEW, FEW_APART, ONE, OURS
from generate_material import ROOT

HEAD = Path(__file__).with_name("generation_head.md")


def write_page(file: Path) -> None:
    """Writes the page of a file of results."""
    results = json.loads(file.read_text("utf-8"))
    whole = file.resolve()
    name = whole.relative_to(ROOT) if whole.is_relative_to(ROOT) else file
    text = page(results, str(name))
    (ROOT / "docs" / "reference" / "generation-speed.md").write_text(text, "utf-8")


def page(results: Mapping[str, Any], file: str) -> str:
    """The page as Markdown."""
    about = results["machine"]
    machine = (
        f"{about['cpu']}, {results['threads']} threads, {about['memory_gib']} GiB, "
        f"{about['date']}, load {about['load']} before"
    )
    rounds = max(len(f["runs"]) for row in results["rows"].values() for f in row["found"].values())
    head = HEAD.read_text("utf-8")
    parts = [head.format(file=file, machine=machine, rounds=rounds)]
    for name, row in results["rows"].items():
        parts.append("\n".join(_row(name, row)))
    notes = results.get("notes", [])
    if notes:
        parts.append("## What falls short, and why\n\n" + "\n".join(f"- {note}" for note in notes))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def reached(row: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Each goal in words, the factor that was wanted and the one that was found."""
    found = row["found"]
    for other, wanted in GOALS:
        against = [key for key in found if key.startswith(other)]
        if against:
            best = max(against, key=lambda key: speed(found[key]))
            yield f"tunesmith by {best}", wanted, speed(found[OURS]) / speed(found[best])


def _row(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    prompt, answer = row["prompt_tokens"], row["answer_tokens"]
    yield f"## {name}"
    yield ""
    yield (
        f"Prompts of {prompt['median']:g} tokens (median; at most {prompt['most']}), answers of "
        f"{answer['median']:g} (at most {answer['most']})."
    )
    yield ""
    yield "| contender | tokens/s | tokens/CPU s | times one at a time | same |"
    yield "|---|---:|---:|---:|---:|"
    base = speed(row["found"][ONE])
    for key, found in row["found"].items():
        cpu = statistics.median(run["tokens"] / run["cpu_s"] for run in found["runs"])
        yield (
            f"| {key} | {speed(found):,.1f} | {cpu:,.1f} | {speed(found) / base:.2f} | "
            f"{_same(row['same'].get(key))} |"
        )
    yield ""
    for words, wanted, got in reached(row):
        verdict = "reached" if got >= wanted else "not reached"
        yield f"- {words}: {got:.2f}, wanted {wanted:g}: {verdict}."
    if FEW in row["found"]:
        gain = speed(row["found"][FEW]) / speed(row["found"][FEW_APART])
        yield (
            f"- A few-shot preamble of {row['preamble_tokens']} tokens computed once: {gain:.2f} "
            "times the speed of computing it with every prompt."
        )
    gain = speed(row["found"][OURS]) / speed(row["found"][APART])
    yield f"- The request's words that all prompts begin with, computed once: {gain:.2f} times."
    for key, why in row["failed"].items():
        yield f"- {key} does not run here: {why}."
    for key, same in row["same"].items():
        gaps = [gap for gap in same.get("gaps", ()) if gap is not None]
        if gaps:
            most = max(map(abs, gaps))
            yield f"- {key}: where answers part, the two logits differ by at most {most:.1e}."


def _same(same: Mapping[str, Any] | None) -> str:
    if same is None:
        return ""
    return f"{same['answers'] - same['different']} of {same['answers']}"
