"""``tunesmith data convert``: writing data in another format."""

from __future__ import annotations

from pathlib import Path

import click

from tunesmith.cli.show import json_option, print_json


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="FORMAT", help="Format to write.")
@click.option("--from", "form", metavar="FORMAT", help="Format of IN; else told by its content.")
@click.option("--skip", is_flag=True, help="Leave rows out that do not fit, and count them.")
@click.option("--force", is_flag=True, help="Overwrite OUT, or its entry.")
@click.option("--llamafactory", is_flag=True, help="Name OUT in the dataset_info.json beside it.")
@json_option
def command(
    source: str,
    target: Path,
    to: str,
    form: str | None,
    skip: bool,
    force: bool,
    llamafactory: bool,
    as_json: bool,
) -> None:
    """Write the examples of IN to OUT in another format.

    FORMAT is alpaca, columns, dialogsum, kto, labels, messages, preference, self-instruct,
    sharegpt, squad or text. OUT ends in .jsonl, .json, .csv, .tsv or
    .parquet, the first four also with .gz or .zst behind it.
    """
    from tunesmith.data import FORMATS
    from tunesmith.pipelines.convert import convert as run

    result = run(
        source,
        target,
        to=FORMATS.load(to)(name=to),
        form=FORMATS.load(form)(name=form) if form else None,
        skip=skip,
        force=force,
        llamafactory=llamafactory,
    )
    if as_json:
        print_json(result)
        return
    click.echo(f"{result['read']:,} read = {result['written']:,} written to {result['target']}")
    click.echo(f"  + {result['skipped']:,} skipped")
    for reason in result["reasons"]:
        places = ", ".join(reason["places"][:2]) + (" ..." if reason["rows"] > 2 else "")
        click.echo(f"  {reason['rows']:,} skipped, {reason['reason']}\n    {places}")
    for what, n_rows in result["lost"].items():
        click.echo(f"  lost in {n_rows:,}: {what}")
    if result["mended"]:
        click.echo(f"  {result['mended']:,} with offsets that were mended")
    for notice in result["notices"]:
        click.echo(f"  note: {notice}")
    if result["dataset_info"]:
        click.echo(f"  named {target.stem!r} in {result['dataset_info']}")
