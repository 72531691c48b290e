"""``tunesmith data``: reading documents, looking at data, checking and converting it."""

from __future__ import annotations

import click

from tunesmith.cli import check, convert, preview, read


@click.group("data")
def command() -> None:
    """Read documents, look at data as the model sees it, check it, and convert it."""


for verb in (read, check, convert, preview):
    command.add_command(verb.command)
