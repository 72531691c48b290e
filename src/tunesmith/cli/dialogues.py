"""``tunesmith data dialogues``: exports of chats and tickets as conversations to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tunesmith.cli.show import json_option, print_json


@click.command("dialogues")
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option(
    "--to",
    type=click.Choice(["messages", "sharegpt", "summary"]),
    default="messages",
    show_default=True,
    help="Format to write; summary: dialogues with the summaries they come with.",
)
@click.option("--conversation", metavar="FIELD", help="Which conversation a message is of.")
@click.option("--speaker", metavar="FIELD", help="Who writes.")
@click.option("--text", metavar="FIELD", help="What is said.")
@click.option("--time", metavar="FIELD", help="When.")
@click.option("--order", metavar="FIELD", help="The place of a message in its conversation.")
@click.option(
    "--agent", "agents", metavar="NAME", multiple=True, help="An agent's name, or a pattern."
)
@click.option("--max-turns", type=click.IntRange(2), help="Of a window; else all.")
@click.option("--max-chars", type=click.IntRange(1), help="Of a window; else all.")
@click.option(
    "--links", type=click.Choice(["mark", "remove", "keep"]), default="mark", show_default=True
)
@click.option(
    "--mentions", type=click.Choice(["remove", "mark", "keep"]), default="remove", show_default=True
)
@click.option("--keep-personal", is_flag=True, help="Mask no names, numbers and addresses.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@json_option
def command(
    sources: tuple[str, ...],
    out: Path,
    to: Any,
    conversation: str | None,
    speaker: str | None,
    text: str | None,
    time: str | None,
    order: str | None,
    agents: tuple[str, ...],
    max_turns: int | None,
    max_chars: int | None,
    links: Any,
    mentions: Any,
    keep_personal: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make cleaned conversations of chat and ticket exports: CSV and JSON.

    A table has one message to a row, a JSON export one ticket with its messages to a record.
    Columns and roles are told by their names and their contents. Personal data becomes
    placeholders, the same value always the same one in a conversation.
    """
    from tunesmith.pipelines.clean_dialogues import Wanted, clean_dialogues
    from tunesmith.synthesize.dialogues.clean import Cleaning
    from tunesmith.synthesize.dialogues.fields import Chosen

    result = clean_dialogues(
        sources,
        out,
        wanted=Wanted(to, max_turns, max_chars, Cleaning(links, mentions, keep_personal)),
        chosen=Chosen(conversation, speaker, text, time, order),
        agents=agents,
        force=force,
    )
    print_json(result) if as_json else _print_result(result)


def _print_result(result: dict[str, Any]) -> None:
    for file in result["files"]:
        fields = ", ".join(f"{what} = {key}" for what, key in file["fields"].items())
        click.echo(f"{file['name']}: {file['shape']}" + (f"; {fields}" if fields else ""))
    conversations, messages = result["conversations"], result["messages"]
    click.echo(
        f"{conversations['found']:,} conversations = {conversations['written']:,} written + "
        f"{conversations['skipped']:,} skipped"
    )
    _print_reasons(conversations["reasons"], "conversations", "skipped")
    click.echo(
        f"{messages['found']:,} messages = {messages['kept']:,} kept + {messages['merged']:,} "
        f"merged + {messages['dropped']:,} dropped"
    )
    _print_reasons(messages["reasons"], "messages", "dropped")
    masked = ", ".join(f"{kind} {n:,}" for kind, n in result["masked"].items())
    click.echo(f"masked: {masked or 'nothing'}")
    told_by = ", ".join(f"{how} {n:,}" for how, n in result["told_by"].items())
    click.echo(f"customer and agent told by: {told_by}")
    for notice in result["notices"]:
        click.echo(f"note: {notice}")
    n = result["rows"]
    click.echo(f"{n:,} {'row is' if n == 1 else 'rows are'} in {result['out']}")


def _print_reasons(reasons: list[dict[str, Any]], what: str, fate: str) -> None:
    for entry in reasons:
        places = ", ".join(entry["places"][:2]) + (" ..." if entry[what] > 2 else "")
        click.echo(f"  {entry[what]:,} {fate}: {entry['reason']}\n    {places}")
