"""``tunesmith data``: reading documents, reviewing, checking, converting and looking at data."""

from __future__ import annotations

import click

from tunesmith.cli import check, convert, preview, read, review


@click.group("data")
def command() -> None:
    """Read documents, review what was made of them, check, convert and look at data."""


for verb in (read, review, check, convert, preview):
    command.add_command(verb.command)
