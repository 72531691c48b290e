"""``tunesmith data``: making datasets, reviewing, checking, converting and looking at them."""

from __future__ import annotations

import click

from tunesmith.cli import (
    build,
    check,
    convert,
    dialogues,
    export_data,
    preview,
    read,
    review,
    trace,
)


@click.group("data")
def command() -> None:
    """Make datasets of documents and dialogues, review and trace them, check and convert data."""


for verb in (read, build, review, trace, export_data, dialogues, check, convert, preview):
    command.add_command(verb.command)
