"""``tunesmith data build``: documents -> a grounded dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tunesmith.cli.show import json_option, print_json, print_table
from tunesmith.cli.show_documents import print_documents

KNOWN = "qa, dialogue, summary, span-qa, labels, preference, text"


@click.command("build")
@click.argument("docs", metavar="DOCS...", nargs=-1, required=True)
@click.option("--teacher", metavar="MODEL", help="openai:gpt-4o, a URL, or a model's folder.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the dataset."
)
@click.option(
    "--kinds", default="qa", show_default=True, metavar="KIND,...", help=f"What is made: {KNOWN}."
)
@click.option("--labels", metavar="LABEL,...", help="Classes, for the kind labels.")
@click.option(
    "--per-chunk", type=click.IntRange(1, 50), help="Rows of each kind and chunk; else by length."
)
@click.option(
    "--with-passage", is_flag=True, help="Questions come with their passage, not closed-book."
)
@click.option(
    "--language",
    default="same",
    show_default=True,
    help="Of the rows: same, en, zh ... In another than the documents' less can be checked.",
)
@click.option("--prompts", type=click.Path(path_type=Path), help="Folder with your own prompts.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "alpaca", "sharegpt"]),
    default="messages",
    show_default=True,
    help="Of instructions and dialogues.",
)
@click.option(
    "--chunk-chars",
    type=click.IntRange(200),
    default=2000,
    show_default=True,
    help="Characters of a chunk.",
)
@click.option("--chunk-tokens", type=int, help="Tokens of a chunk, instead; needs --tokenizer.")
@click.option("--tokenizer", metavar="FOLDER", help="Model whose tokenizer counts them.")
@click.option(
    "--eval-fraction",
    type=click.FloatRange(0, 0.9),
    default=0.1,
    show_default=True,
    help="Of the text, kept apart for evaluation by whole documents.",
)
@click.option("--seed", default=0, show_default=True, help="Of what is drawn.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option("--verify/--no-verify", default=True, help="Ask again, with the source.")
@click.option(
    "--price",
    type=(float, float),
    metavar="PROMPT ANSWER",
    help="Of a million tokens of each, for telling the cost.",
)
@click.option("--max-cost", type=click.FloatRange(0), help="Stop there; needs --price.")
@click.option(
    "--at-once", type=click.IntRange(1, 512), default=32, show_default=True, help="Calls in flight."
)
@click.option(
    "--learner",
    metavar="MODEL",
    help="The model to be tuned: answers it gives without the passage count less.",
)
@click.option("--retry-failed", is_flag=True, help="Ask again what failed before.")
@click.option("--dry-run", is_flag=True, help="Tell calls, tokens and cost; ask nothing.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@json_option
def command(
    docs: tuple[str, ...],
    teacher: str | None,
    out: Path,
    kinds: str,
    labels: str | None,
    per_chunk: int | None,
    with_passage: bool,
    language: str,
    prompts: Path | None,
    form: str,
    chunk_chars: int,
    chunk_tokens: int | None,
    tokenizer: str | None,
    eval_fraction: float,
    seed: int,
    temperature: float,
    verify: bool,
    price: tuple[float, float] | None,
    max_cost: float | None,
    at_once: int,
    learner: str | None,
    retry_failed: bool,
    dry_run: bool,
    processes: int,
    as_json: bool,
) -> int:
    """Make a dataset of documents: written by a teacher, grounded in the text, split, traceable.

    The same command goes on after Ctrl-C, a crash or a limit; what was answered is kept. For
    example:

        tunesmith data build manuals/ --teacher openai:gpt-4o-mini --out data/manuals
    """
    from tunesmith.chat.endpoint import is_hosted, parse_endpoint
    from tunesmith.chat.spend import Prices
    from tunesmith.pipelines.build_data import build_data
    from tunesmith.pipelines.open_teacher import open_teacher
    from tunesmith.pipelines.read_documents import tokens_budget
    from tunesmith.synthesize.budget import Budget
    from tunesmith.synthesize.build_settings import BuildSettings

    if (chunk_tokens is None) != (tokenizer is None):
        raise click.UsageError("--chunk-tokens and --tokenizer belong together. Give both.")
    if max_cost is not None and price is None:
        raise click.UsageError("--max-cost needs --price PROMPT ANSWER, from the provider's page.")
    budget = Budget(chunk_chars)
    if tokenizer is not None and chunk_tokens is not None:
        budget = tokens_budget(tokenizer, chunk_tokens)
    settings = BuildSettings(
        kinds=_kinds(kinds, labels, per_chunk, with_passage),
        language=language,
        prompts=prompts,
        budget=budget,
        eval_fraction=eval_fraction,
        seed=seed,
        temperature=temperature,
        verifies=verify,
        format=form,
        n_processes=processes,
    )
    prices = Prices(*price) if price is not None else None
    model = asked = endpoint = None
    if teacher is not None and dry_run:
        endpoint = parse_endpoint(teacher) if is_hosted(teacher) else None
    elif teacher is not None:
        model = open_teacher(teacher, prices=prices, max_cost=max_cost, at_once=at_once)
    if learner is not None and not dry_run:
        asked = open_teacher(learner, at_once=at_once)
    result = build_data(
        docs,
        out,
        settings,
        teacher=model,
        learner=asked,
        endpoint=endpoint,
        prices=prices,
        dry_run=dry_run,
        retry_failed=retry_failed,
        show_progress=not as_json,
    )
    if as_json:
        print_json(result)
    elif dry_run:
        _print_documents(result)
        _print_estimate(result)
    else:
        _print_documents(result)
        _print_fates(result)
    return 1 if not dry_run and result["planned"] and not result["fates"]["accepted"] else 0


def _kinds(names: str, labels: str | None, per_chunk: int | None, with_passage: bool) -> list[Any]:
    from tunesmith.core.part import PartError
    from tunesmith.synthesize.kinds import KINDS

    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if labels and "labels" not in chosen:
        raise click.UsageError("--labels goes with --kinds labels.")
    parts = []
    for name in chosen:
        cls = KINDS.load(name)
        fields: dict[str, Any] = {"name": name}
        if per_chunk is not None and cls.asks_teacher:
            fields["per_chunk"] = per_chunk
        if with_passage and "with_passage" in cls.model_fields:
            fields["with_passage"] = True
        if name == "labels":
            if not labels:
                raise click.UsageError("the kind labels needs its classes: --labels NAME,NAME.")
            fields["labels"] = tuple(label.strip() for label in labels.split(","))
        try:
            parts.append(KINDS.parse(fields))
        except PartError as error:
            raise click.UsageError(f"the kind {name}: {error}") from None
    if not parts:
        raise click.UsageError(f"--kinds names nothing. Known: {KNOWN}.")
    return parts


def _print_documents(result: dict[str, Any]) -> None:
    print_documents(result, with_split=True)
    if result["shared_passages"]:
        click.echo(
            f"{result['shared_passages']:,} passages of evaluation stand in training too and are "
            "left out"
        )


def _print_estimate(result: dict[str, Any]) -> None:
    rows = [
        [
            step,
            f"{effort['calls']:,}",
            f"{effort['prompt_tokens']:,}",
            f"{effort['answer_tokens']:,}",
            "-" if effort["cost"] is None else f"{effort['cost']:.4f}",
        ]
        for step, effort in result["estimate"].items()
    ]
    print_table(["step", "calls", "prompt tokens", "answer tokens", "cost"], rows)
    click.echo(f"{result['planned']:,} rows are planned; nothing was asked. Told is what is open")


def _print_fates(result: dict[str, Any]) -> None:
    fates = result["fates"]
    rejected, failed = sum(fates["rejected"].values()), sum(fates["failed"].values())
    click.echo(
        f"{fates['planned']:,} planned = {fates['accepted']:,} accepted + {rejected:,} rejected + "
        f"{failed:,} failed"
    )
    for fate in ("rejected", "failed"):
        for step, n in fates[fate].items():
            click.echo(f"  {n:,} {fate}: {step}{_example(fates['reasons'], step)}")
    if result["surplus"]:
        click.echo(f"  {result['surplus']:,} beyond what was planned were left out")
    if failed:
        click.echo("  ask what failed again: the same command with --retry-failed")
    effort = result["effort"]
    cost = "" if effort["cost"] is None else f", cost {effort['cost']:.4f}"
    ever = result["effort_ever"]["calls"] - effort["calls"]
    others = f"; {ever:,} more calls for what is no longer planned" if ever else ""
    click.echo(
        f"{effort['calls']:,} calls, {effort['prompt_tokens']:,} + {effort['answer_tokens']:,} "
        f"tokens{cost}{others}"
    )
    if asked := result["closed_book"]:
        click.echo(
            f"without the passage: {asked['known']:,} known, {asked['missed']:,} missed"
            + (f", {asked['not_answered']:,} not answered" if asked["not_answered"] else "")
        )
    for folder, splits in result["rows"].items():
        told = ", ".join(f"{split} {n:,}" for split, n in splits.items())
        click.echo(f"{result['dataset']}/{folder}: {told}")
    click.echo(f"card: {result['card']}")
    click.echo(f"look at it: tunesmith data review {result['out']}")


def _example(reasons: dict[str, int], step: str) -> str:
    """The most common reason of a step, where it says more than the step."""
    found = next((r for r in reasons if r.startswith(f"{step}: ")), "")
    return f", as: {found.removeprefix(f'{step}: ')}" if found else ""
