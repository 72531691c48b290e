"""``tunesmith teacher``: a stand-in for a hosted model on this machine."""

from __future__ import annotations

import click

from tunesmith.cli.show import json_option, print_json


@click.group("teacher")
def command() -> None:
    """Serve a teacher on this machine, to try things without a key."""


@command.command("demo")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="On the loopback address; 0: a free one.",
)
@json_option
def demo(port: int, as_json: bool) -> None:
    """Answer chat completions from the passage that is shown, by rule; Ctrl-C ends it.

    There is no language model behind it, and every reply says so in its model field: it leaves a
    word out of a sentence and asks for it. It listens on this machine only.
    """
    from tunesmith.core.errors import EndpointError
    from tunesmith.synthesize.teacher.extract import MODEL, reply_from_passage
    from tunesmith.synthesize.teacher.script import Script
    from tunesmith.synthesize.teacher.server import TeacherServer

    try:
        server = TeacherServer(Script(otherwise=reply_from_passage), port=port, models=(MODEL,))
    except OSError as error:
        raise EndpointError(
            f"port {port}: cannot be taken ({error.strerror}). Choose another, or none."
        ) from None
    with server:
        if as_json:
            print_json({"url": server.url, "model": MODEL})
        else:
            click.echo(f"{server.url}  (model: {MODEL})")
            click.echo("no language model: answers are words of the passage; Ctrl-C ends", err=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo(f"{len(server.ledger)} requests were answered", err=True)
