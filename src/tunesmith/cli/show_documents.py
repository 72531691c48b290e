"""Show documents: what was read of which, and what was passed over."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.show import print_table


def print_documents(result: dict[str, Any], *, with_split: bool) -> None:
    """Writes a table of documents, what of them was not read, and what was skipped.

    Args:
        result: with ``documents``, ``skipped`` and ``notices``.
        with_split: whether documents are for training or for evaluation.
    """
    rows = [
        [
            entry["name"],
            entry["kind"],
            f"{entry['pages']:,}" if entry["pages"] else "-",
            f"{entry['blocks']:,}",
            f"{entry['characters']:,}",
            f"{entry['chunks']:,}",
            f"{sum(entry['junk'].values()):,}",
            entry["split"],
        ]
        for entry in result["documents"]
    ]
    if rows:
        header = ["document", "kind", "pages", "blocks", "characters", "chunks", "junk", "split"]
        n_columns = len(header) if with_split else len(header) - 1
        print_table(header[:n_columns], [row[:n_columns] for row in rows])
    for entry in result["documents"]:
        left_out = ", ".join(f"{what} ({n:,})" for what, n in entry["left_out"].items())
        junk = ", ".join(f"{what} ({n:,})" for what, n in entry["junk"].items())
        told = [
            *([f"not read: {left_out}"] if left_out else []),
            *([f"junk: {junk}"] if junk else []),
            *entry["notes"],
        ]
        if told:
            click.echo(f"{entry['name']}: {'; '.join(told)}")
    for entry in result["skipped"]:
        click.secho(f"skipped {entry['name']}: {entry['reason']}", fg="yellow")
    for notice in result["notices"]:
        click.echo(f"note: {notice}")
