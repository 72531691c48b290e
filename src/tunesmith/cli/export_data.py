"""``tunesmith data export``: the datasets of a build, written anew."""

from __future__ import annotations

from pathlib import Path

import click

from tunesmith.cli.show import json_option, print_json


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "alpaca", "sharegpt"]),
    help="Of instructions and dialogues; else as they were built.",
)
@json_option
def command(folder: Path, form: str | None, as_json: bool) -> None:
    """Write the datasets of a build anew, with what was decided in review."""
    from tunesmith.pipelines.export_data import export_data

    result = export_data(folder, form=form)
    if as_json:
        print_json(result)
        return
    for name, splits in result["rows"].items():
        told = ", ".join(f"{split} {n:,}" for split, n in splits.items())
        click.echo(f"{result['dataset']}/{name}: {told}")
    if n := result["preferences_from_drafts"]:
        click.echo(f"preferences from drafts: {n:,}")
    for what, n in result["reviewed"].items():
        click.echo(f"in review {n:,} {what}")
    click.echo(f"card: {result['card']}")
