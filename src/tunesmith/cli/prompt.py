"""``tunesmith prompt``."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.show import OVERRIDES, command_name, json_option, print_json


@click.command("prompt")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option("--out", required=True, metavar="DIR", help="Folder to write; must not exist.")
@click.option(
    "--shots",
    default=4,
    show_default=True,
    type=click.IntRange(0),
    help="Examples before each request at the most; 0: none.",
)
@click.option(
    "--choose",
    default="fixed",
    show_default=True,
    type=click.Choice(["fixed", "random", "nearest"]),
    help="The first training rows, drawn ones, or those most like each request.",
)
@click.option(
    "--model",
    "hosted",
    metavar="NAME",
    help="Ask this hosted model (openai:gpt-4o, a URL) in place of the recipe's base.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draw.")
@json_option
def command(
    recipe: str,
    overrides: tuple[str, ...],
    out: str,
    shots: int,
    choose: Any,
    hosted: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make a prompted model of RECIPE: its base with examples before each request.

    Nothing is trained. The result is used like a tuned model: tunesmith eval DIR
    """
    from tunesmith.pipelines.prompt import prompt

    result = prompt(
        open_told(recipe, overrides),
        out,
        n_shots=shots,
        choose=choose,
        seed=seed,
        hosted=hosted,
    )
    if as_json:
        print_json(result)
        return
    click.echo(f"{result['path']}: {result['examples']:,} examples to choose {shots} from")
    click.echo(f"next:   {command_name()} eval {result['path']}")
