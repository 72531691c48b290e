"""``tunesmith data``: looking at data, checking it, and writing it in another format."""

from __future__ import annotations

import click

from tunesmith.cli import check, convert, preview


@click.group("data")
def command() -> None:
    """Look at data as the model sees it, check it, and convert it."""


for verb in (check, convert, preview):
    command.add_command(verb.command)
