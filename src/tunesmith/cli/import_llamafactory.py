"""``tunesmith import-llamafactory``."""

from __future__ import annotations

from pathlib import Path

import click

from tunesmith.cli.show import OVERRIDES, json_option, print_json


@click.command("import-llamafactory")
@click.argument("file", metavar="FILE")
@OVERRIDES
@click.option("-o", "--output", metavar="OUT", help="Write the recipe to this file.")
@json_option
def command(file: str, overrides: tuple[str, ...], output: str | None, as_json: bool) -> None:
    """Show the recipe that a LLaMA-Factory training FILE becomes, and what became of every key.

    KEY=VALUE changes a key of FILE first. A file for chat or export gives the command instead.
    """
    from tunesmith.compat.llamafactory.text import recipe_text
    from tunesmith.pipelines.open_recipe import import_llamafactory

    found = import_llamafactory(file, overrides)
    if isinstance(found, str):
        print_json({"command": found}) if as_json else click.echo(found)
        return
    if output is not None:
        _write(Path(output).expanduser(), recipe_text(found))
    if as_json:
        print_json({**found.as_dict(), "written": output})
    elif output is None:
        click.echo(recipe_text(found), nl=False)
    else:
        click.echo(f"{output}: the recipe. Run it with: tunesmith train {output}")


def _write(file: Path, text: str) -> None:
    """Writes a new file; one that is there is never replaced."""
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be written ({error.strerror}).") from None
