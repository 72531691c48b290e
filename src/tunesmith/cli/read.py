"""``tunesmith data read``: what documents hold, block by block and chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tunesmith.cli.show import json_option, print_json
from tunesmith.cli.show_documents import print_documents


@click.command("read")
@click.argument("docs", metavar="DOCS...", nargs=-1, required=True)
@click.option("--chunk-chars", default=2000, show_default=True, help="Characters of a chunk.")
@click.option("--chunk-tokens", type=int, help="Tokens of a chunk, instead; needs --tokenizer.")
@click.option("--tokenizer", metavar="FOLDER", help="Model whose tokenizer counts them.")
@click.option(
    "--eval-fraction", type=click.FloatRange(0, 0.9), default=0.0, help="Kept apart by document."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the chunks as JSON lines.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--show", "shows", is_flag=True, help="Print every block of the one document named.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option(
    "--max-seconds",
    type=click.IntRange(1),
    default=120,
    show_default=True,
    help="For one document.",
)
@click.option(
    "--max-mib", type=click.IntRange(1), default=128, show_default=True, help="Size of one file."
)
@json_option
def command(
    docs: tuple[str, ...],
    chunk_chars: int,
    chunk_tokens: int | None,
    tokenizer: str | None,
    eval_fraction: float,
    out: Path | None,
    force: bool,
    shows: bool,
    processes: int,
    max_seconds: int,
    max_mib: int,
    as_json: bool,
) -> int:
    """Read documents: docx, pdf, html, markdown, csv, text, pptx, xlsx, epub, told by content.

    DOCS are files and folders. Every one is read, or skipped with the reason; with exit code 1
    where none could be read.
    """
    from tunesmith.pipelines.read_documents import read_documents, show_document, tokens_budget
    from tunesmith.synthesize.budget import Budget
    from tunesmith.synthesize.documents.limits import Limits

    if (chunk_tokens is None) != (tokenizer is None):
        raise click.UsageError("--chunk-tokens and --tokenizer belong together. Give both.")
    limits = Limits(cpu_s=max_seconds, wall_s=max_seconds, file_mib=max_mib)
    if shows:
        if len(docs) != 1:
            raise click.UsageError("--show prints one document. Name one.")
        document = show_document(docs[0], limits=limits)
        print_json(document) if as_json else _print_blocks(document)
        return 0
    budget = Budget(chunk_chars)
    if tokenizer is not None and chunk_tokens is not None:
        budget = tokens_budget(tokenizer, chunk_tokens)
    result = read_documents(
        docs,
        budget=budget,
        limits=limits,
        eval_fraction=eval_fraction,
        out=out,
        force=force,
        n_processes=processes,
    )
    print_json(result) if as_json else _print_result(result)
    return 0 if result["read"] else 1


def _print_result(result: dict[str, Any]) -> None:
    print_documents(result, with_split=bool(result["split"]))
    click.echo(
        f"{result['found']:,} found = {result['read']:,} read + {result['skipped_files']:,} "
        f"skipped; {result['chunks']:,} chunks, of which "
        f"{sum(result['junk_chunks'].values()):,} are junk"
    )
    if split := result["split"]:
        click.echo(
            f"{split['train_documents']:,} documents for training, {split['eval_documents']:,} for "
            f"evaluation; {split['eval_chunks_also_in_train']:,} chunks of evaluation left out "
            "that stand in training too"
        )
    if result["out"]:
        click.echo(f"chunks are in {result['out']}")


def _print_blocks(document: dict[str, Any]) -> None:
    for block in document["blocks"]:
        page = f" p. {block['page']}" if block["page"] else ""
        junk = f" (junk: {block['junk']})" if block["junk"] else ""
        kind = f"{block['kind']} {block['level']}" if block["kind"] == "heading" else block["kind"]
        head = f"[{block['start']:,}-{block['end']:,}]{page} {kind}{junk}"
        click.secho(head, fg="cyan" if block["kind"] == "heading" else None, dim=not block["junk"])
        click.echo(block["text"])
    for what, n in document["left_out"].items():
        click.echo(f"not read: {what} ({n:,})")
    for note in document["notes"]:
        click.echo(f"note: {note}")
