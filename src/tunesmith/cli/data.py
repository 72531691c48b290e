"""``tunesmith data``: reading, cleaning, reviewing, checking, converting and looking at data."""

from __future__ import annotations

import click

from tunesmith.cli import check, convert, dialogues, preview, read, review


@click.group("data")
def command() -> None:
    """Read documents, clean dialogues, review what was made, check, convert and look at data."""


for verb in (read, dialogues, review, check, convert, preview):
    command.add_command(verb.command)
