"""``tunesmith merge``."""

from __future__ import annotations

import click

from tunesmith.cli.show import json_option, print_json


@click.command("merge")
@click.argument("run", metavar="MODEL|RUN")
@click.argument("folder", metavar="DIR")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    help="Type of the weights.",
)
@json_option
def command(run: str, folder: str, dtype: str, as_json: bool) -> None:
    """Write a tuned model to DIR as whole weights that transformers loads."""
    from tunesmith.pipelines.merge import merge

    result = merge(run, folder, dtype=dtype)
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['path']}: {result['bytes'] / 1e6:,.1f} MB in {dtype}; the largest difference to "
        f"base and adapter is {result['max_logit_difference']:.1e}"
    )
