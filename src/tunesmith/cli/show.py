"""Show: results for people as tables, for programs as one JSON object."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
WIDTH_OF_A_FILE = 120
NAME_WIDTH = 13
"""The first column is wrapped to this where room is short."""


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--json`` to a verb."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
    )(function)


def command_name() -> str:
    """How this program was called, where its bare name would not be found."""
    return "tunesmith" if shutil.which("tunesmith") else sys.argv[0]


def print_json(value: dict[str, Any]) -> None:
    """Writes one JSON object to standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None
) -> None:
    """Writes a table; the first column is text, the others are figures.

    One that is too wide for the screen comes in several, each with the first column. Cells are
    text: what stands in brackets is no order to the terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    columns = [[row[place] for row in rows] for place in range(len(header))]
    widths = [_width(name, *cells) for name, cells in zip(header, columns, strict=True)]
    has_screen = sys.stdout.isatty()
    console = Console() if has_screen else Console(width=WIDTH_OF_A_FILE)
    # A heading may take several lines, a figure may not.
    is_wide = sum(widths) >= console.width
    headings = [name.replace(" ", "\n") if is_wide else name for name in header]
    widths = [_width(name, *cells) for name, cells in zip(headings, columns, strict=True)]
    if not has_screen:  # where nobody looks, nothing need fit a screen
        console = Console(width=max(WIDTH_OF_A_FILE, sum(widths) + 1))
    for number, places in enumerate(_fitting(widths, console.width)):
        table = Table(
            title=None if title is None or number else Text(title),
            title_justify="left",
            header_style="bold",
        )
        table.add_column(Text(header[0]), overflow="fold", min_width=10)
        for place in places:
            table.add_column(Text(headings[place]), justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(row[place]) for place in (0, *places)))
        console.print(table)


def _width(*cells: str) -> int:
    """Characters of a column, its border included."""
    return max(len(line) for cell in cells for line in cell.split("\n")) + 3


def _fitting(widths: Sequence[int], width: int) -> list[list[int]]:
    """The columns behind the first one, in portions that fit beside it."""
    portions: list[list[int]] = [[]]
    used = first = (widths[0] if sum(widths) < width else min(widths[0], NAME_WIDTH)) + 1
    for place in range(1, len(widths)):
        if portions[-1] and used + widths[place] > width:
            portions.append([])
            used = first
        portions[-1].append(place)
        used += widths[place]
    return portions


def print_ledger(ledger: dict[str, Any]) -> None:
    """Writes what became of every row that was read, by split."""
    fates = ("read", "kept", "cut", "dropped", "rejected")
    print_table(
        ["rows", *fates, "tokens", "learnt", "tokens cut"],
        [
            [
                split,
                *(f"{entry[fate]:,}" for fate in fates),
                f"{entry['tokens']:,}",
                f"{entry['supervised_tokens']:,}",
                f"{entry['cut_tokens']:,}",
            ]
            for split, entry in ledger.items()
        ],
    )
    for split, entry in ledger.items():
        for reason in entry["reasons"]:
            places = ", ".join(reason["places"][:2])
            more = " ..." if reason["rows"] > 2 else ""
            click.echo(f"  {split}: {reason['rows']:,} {reason['fate']}, {reason['reason']}")
            click.echo(f"    {places}{more}")


def print_scores(scores: dict[str, Any]) -> None:
    """Writes the scores of every model."""
    from tunesmith.evaluation.comparison.shares import SHARES, share_text, shown_shares
    from tunesmith.evaluation.figures import percent_text
    from tunesmith.evaluation.metrics import METRICS

    notes = {"constant": "constant answer"}
    rows = {name: row for name, row in scores.items() if isinstance(row, dict)}
    headings = {
        score: words
        for name in METRICS.names()
        for score, words in METRICS.load(name).headings.items()
        if any(score in row for row in rows.values())
    }
    known = [name for name in shown_shares(rows.values()) if name != "prompt_cut_fraction"]
    has_words = any("mean_words" in row for row in rows.values())
    has_cost = any("cost_per_1000" in row for row in rows.values())
    if not has_words and not any(row.get("cut_fraction") for row in rows.values()):
        known.remove("cut_fraction")
    print_table(
        [
            "model",
            *headings.values(),
            *(SHARES[share] for share in known),
            *(["words"] if has_words else []),
            *(["cost of 1,000"] if has_cost else []),
        ],
        [
            [
                notes.get(name, name),
                *(_figure(row.get(score), ".3f") for score in headings),
                *(share_text(row, share, "") for share in known),
                *([_figure(row.get("mean_words"), ".0f")] if has_words else []),
                *([_figure(row.get("cost_per_1000"), ",.4f")] if has_cost else []),
            ]
            for name, row in rows.items()
        ],
        title=f"{scores['n']} rows of {scores['split']}",
    )
    cut = max((row.get("prompt_cut_fraction", 0) for row in rows.values()), default=0)
    if cut:
        told = "of the prompts were too long for the model and had material cut"
        click.echo(f"{percent_text(cut)} {told}")
    if scores.get("left_out"):
        is_ranked = any("reward_accuracy" in row for row in rows.values())
        why = (
            "were dropped or rejected (ledger.json says why)"
            if is_ranked
            else "have no reference answer"
        )
        click.echo(f"{scores['left_out']} rows {why} and were left out")


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
