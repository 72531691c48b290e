"""``tunesmith data trace``: the paragraph behind a row."""

from __future__ import annotations

import click

from tunesmith.cli.show import json_option, print_json


@click.command("trace")
@click.argument("place", metavar="FILE:ROW")
@json_option
def command(place: str, as_json: bool) -> None:
    """Show the paragraph that a row of a built dataset was made of, with its evidence marked.

    Rows are counted from 1. For example:

        tunesmith data trace out/dataset/instructions/train.jsonl:3
    """
    from dataclasses import asdict

    from tunesmith.pipelines.trace import trace

    found = trace(place)
    if as_json:
        print_json(asdict(found))
        return
    told = found.provenance
    at = [f"p. {told['page']}"] if told.get("page") else []
    at += [f"paragraph {told['paragraph']}"] if told.get("paragraph") else []
    click.secho(", ".join([told["name"], *at]), bold=True)
    click.echo(f"{told['document']}, characters {told['start']:,}-{told['end']:,}; {found.state}")
    if found.headings:
        click.echo(" > ".join(found.headings))
    click.echo()
    click.echo(found.before, nl=False)
    click.secho(found.evidence, fg="black", bg="yellow", nl=False)
    click.echo(found.behind)
    click.echo()
    for name, value in found.row.items():
        if name not in ("group", "context"):
            click.echo(f"{name}: {value}")
    made = [("prompt", "prompt"), ("model", "model"), ("request", "request"), ("kind", "kind")]
    click.echo("; ".join(f"{what} {told[key]}" for what, key in made if told.get(key)))
    for name, verdict in (told.get("verdicts") or {}).items():
        nothing = "not asked" if verdict is None else "nothing found"
        click.echo(f"{name}: {verdict or nothing}")
    for flag in told.get("flags") or ():
        click.secho(f"flag: {flag}", fg="yellow")
