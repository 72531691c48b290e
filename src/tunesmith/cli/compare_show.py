"""Compare, shown: what a comparison found, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tunesmith.cli.judge import print_preferences
from tunesmith.cli.show import print_table

MOST_WORSE = 10
"""Examples that got worse which are named; all of them are in the folder."""


def print_comparison(result: Mapping[str, Any], out: str) -> None:
    """Writes tables, verdicts, notes and what failed.

    Args:
        result: what ``comparison.json`` holds.
        out: the folder that keeps it.
    """
    from tunesmith.pipelines.comparison_html import HTML
    from tunesmith.pipelines.comparison_page import (
        model_table,
        notes,
        pair_table,
        title,
        verdicts,
    )

    header, rows = model_table(result, between="\n")
    print_table(header, rows, title=title(result))
    if result["pairs"]:
        print_table(*pair_table(result, verdict="verdict"))
    print_preferences(result)
    for line in [*verdicts(result), *notes(result)]:
        click.echo(line)
    for name, reason in result["failed"].items():
        click.echo(f"{name} was not compared, and is asked again by the same command: {reason}")
    against = result["request"].get("against")
    for name, lost in result.get("worse", {}).items():
        _print_worse(name, lost, against, out)
    click.echo(f"page: {Path(out) / HTML}")
    click.echo(f"all figures and answers: {out}")


def _print_worse(name: str, lost: list[dict[str, Any]], against: str, out: str) -> None:
    count = "1 example is" if len(lost) == 1 else f"{len(lost)} examples are"
    click.echo(f"{count} worse with {name} than with {against}{':' if lost else '.'}")
    for one in lost[:MOST_WORSE]:
        click.echo(f"  {one['origin']}: {one['before']:.3f} to {one['after']:.3f}")
    if len(lost) > MOST_WORSE:
        click.echo(f"  and {len(lost) - MOST_WORSE} more: {Path(out) / 'comparison.md'}")
