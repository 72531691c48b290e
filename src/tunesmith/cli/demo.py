"""``tunesmith demo``."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import click

from tunesmith.cli.show import OVERRIDES, command_name, json_option, print_json, print_scores

N_SHOWN = 3


@click.command("demo")
@OVERRIDES
@click.option("--out", help="Directory of the run; default: runs/demo, numbered where taken.")
@json_option
def command(overrides: tuple[str, ...], out: str | None, as_json: bool) -> None:
    """Tune the bundled model on the bundled dialogues, and see the difference."""
    from tunesmith.core.runs import PREDICTIONS, Run
    from tunesmith.pipelines.demo import demo

    if not as_json:
        click.echo(
            "A small model that has never seen a summary learns to summarise support dialogues.",
            err=True,
        )
    result = demo(out=out, overrides=overrides, show_progress=True)
    if as_json:
        print_json(result)
        return
    for example in Run(Path(result["run"])).lines(PREDICTIONS)[:N_SHOWN]:
        _print_example(example)
    print_scores({name: value for name, value in result.items() if name != "train"})
    click.echo(f"{result['seconds']:.0f} s in all")
    click.echo(f"report: {result['report']}")
    me = command_name()
    click.echo(f"next:   {me} chat {result['run']} --input DIALOGUE.txt")
    click.echo(f"        {me} train demo data.path=YOUR_FILE out=DIR")


def _print_example(example: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, show_lines=True)
    table.add_column(width=10, style="bold")
    table.add_column()
    dialogue = "\n".join(
        textwrap.shorten(line, 110, placeholder=" ...")
        for line in example["prompt"].splitlines()
        if line
    )
    table.add_row("dialogue", dialogue)
    table.add_row("reference", example["reference"])
    for name in ("base", "tuned"):
        said = example["answers"][name]
        mark = "  [cut at the token limit]" if said["cut"] else ""
        text = textwrap.shorten(said["text"], 300, placeholder=" ...") or "(an empty answer)"
        table.add_row(name, text + mark)
    Console(markup=False).print(table)
