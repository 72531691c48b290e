"""``tunesmith verify-resume``."""

from __future__ import annotations

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_table


@click.command("verify-resume")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Steps before the kill, and after it.",
)
@json_option
def command(recipe: str, overrides: tuple[str, ...], steps: int, as_json: bool) -> int:
    """Prove that a killed and resumed run of RECIPE equals one that was left alone.

    Trains the recipe for twice --steps, and again with a kill -9 in the middle; compares every
    tensor, the log and the order of rows. The exit code is 1 where something differs.
    """
    from tunesmith.pipelines.verify_resume import verify_resume

    loaded = open_told(recipe, overrides, to_train=True)
    result = verify_resume(loaded, steps=steps, tell=lambda text: click.echo(text, err=True))
    if as_json:
        print_json(result)
        return 0 if result["exact"] else 1
    print_table(
        ["compared", "parts", "equal"],
        [[one["what"], f"{one['n']:,}", f"{one['n_equal']:,}"] for one in result["compared"]],
    )
    for one in result["compared"]:
        if one["first_difference"]:
            click.echo(f"{one['what']}: the first difference: {one['first_difference']}")
    click.echo(
        "exact: the resumed run equals the unbroken one byte by byte"
        if result["exact"]
        else "not exact: the resumed run is another one"
    )
    return 0 if result["exact"] else 1
