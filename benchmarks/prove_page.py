"""The page of proofs: docs/reference/proof.md, written from a file of results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.core.markdown import markdown_table
from tunesmith.evaluation.figures import examples_text
from tunesmith.pipelines.comparison_page import model_table, notes, pair_table

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "proof.md"
HEAD = """# Proof on real data

What `tunesmith compare` says of small models on published data, as it fell out. Everything was done by the command line: `tunesmith train`, `tunesmith prompt`, `tunesmith compare`; `python benchmarks/prove.py DATA --out FILE --page` does it again and writes this page. The figures are in [`{file}`](../../{file}).

The model is stories260K: 260,032 parameters, 512 tokens, 512 positions, trained on children's stories. Nothing it writes is of use; what is shown is that the tables tell apart what differs, and say so where they cannot. `hosted` is a real HTTP server on the same machine that speaks OpenAI's protocol; behind it is tunesmith-tiny (3.4 million parameters), tuned on the bundled dialogues, which has seen none of these data. Its prices are made up (0.15 and 0.60 for a million tokens), its tokens counted as four bytes each. `few_shot` is the base with the nearest training example before each request, where there is room for it.

{machine} Speeds are of one run, and loading is not in them.{quick}
"""  # noqa: E501


def write_page(file: Path) -> None:
    """Writes the page of a file of results."""
    results = json.loads(file.read_text("utf-8"))
    name = file.resolve().relative_to(ROOT) if file.resolve().is_relative_to(ROOT) else file
    PAGE.write_text(page(results, str(name)), "utf-8")


def page(results: Mapping[str, Any], file: str) -> str:
    """The page as Markdown."""
    m = results["machine"]
    took = f"{results['seconds'] / 60:.0f} minutes for all of it."
    told = f"{m['cpu']}, {m['cores']} cores, Python {m['python']}, {m['date']}; {took}"
    quick = " **A quick run with a few rows of each set.**" if results["quick"] else ""
    parts = [HEAD.format(file=file, machine=told, quick=quick)]
    parts += [_case(one) for one in results["cases"].values()]
    common = {
        note: None for one in results["cases"].values() for note in notes(one["comparison"])[:1]
    }
    parts.append("## How to read it\n\n" + "\n".join(f"- {note}" for note in common))
    parts.append(
        "- How the intervals and p-values come about: "
        "[differences that are real](../why/statistics.md)."
    )
    return "\n".join(parts) + "\n"


def _case(case: Mapping[str, Any]) -> str:
    found = case["comparison"]
    same = all(case["same_to_the_byte"].values())
    first, second = (c["seconds"] for c in case["commands"] if " compare " in c["command"])
    lines = [f"## {case['title']}\n", f"{case['about']}\n", f"{examples_text(found['n'])}.\n"]
    lines += [*markdown_table(*model_table(found)), ""]
    judged = [pair for pair in found["pairs"] if pair["score"] == found["judged_by"]]
    if judged:
        lines += [*markdown_table(*pair_table({**found, "pairs": judged})), ""]
    lines += [f"- {name} could not be asked: {why}" for name, why in found["failed"].items()]
    lines += [f"- {note}" for note in notes(found)[1:]]
    for name, run in case["training"].items():
        rows, cut = run["rows"]["train"], run["rows_cut"]["train"]
        lines.append(
            f"- Trained `{name}`: {rows:,} rows ({cut:,} of them shortened to fit), "
            f"{run['steps']:,} steps, {run['trainable_parameters']:,} weights, "
            f"{run['seconds']:.0f} s; evaluation loss {run['eval_loss_first']:.3f} to "
            f"{run['eval_loss_best']:.3f}."
        )
    again = "the same to the byte" if same else "**something else**"
    lines.append(
        f"- The comparison took {first:.0f} s; the second one, from kept answers, {second:.0f} s "
        f"and told {again}."
    )
    return "\n".join(lines) + "\n"
