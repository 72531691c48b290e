"""``tunesmith lm-eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tunesmith.cli.prices import PricedCommand, priced_options
from tunesmith.cli.show import json_option, print_json, print_table

if TYPE_CHECKING:
    from tunesmith.chat.spend import PriceList


@click.command("lm-eval", cls=PricedCommand)
@click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL...")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    required=True,
    metavar="FILE.yaml",
    help="A task of the harness, in a local file; may come again.",
)
@click.option("--limit", type=click.IntRange(1), help="Examples of each task, from the start.")
@click.option(
    "--out", default="harness", show_default=True, help="Gets harness.json, and keeps replies."
)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@priced_options
@json_option
def command(
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    out: str,
    batch_size: int,
    prices: PriceList | None,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Run tasks of EleutherAI's lm-evaluation-harness, and compare the models on them.

    Scores are the harness's own; intervals and paired tests are added where a score is the mean of
    its examples. Replies are kept in --out, so that a second call asks only what is missing. A
    hosted model does tasks whose answers are written (generate_until). A task's file may name code,
    which the harness runs: take files that you trust. Needs 'tunesmith[lm-eval]'.
    """
    from tunesmith.pipelines.harness import harness

    result = harness(
        models,
        tasks,
        out=out,
        limit=limit,
        batch_size=batch_size,
        prices=prices,
        max_cost=max_cost,
    )
    if as_json:
        print_json(result)
    else:
        _print_tables(result)
        click.echo(f"all figures and replies: {out}")
    if result["failed"] or result["left_out"]:
        raise SystemExit(1)


def _print_tables(result: dict[str, Any]) -> None:
    from tunesmith.pipelines.comparison_page import pair_table

    rows = [
        [
            name,
            score,
            f"{own['value']:.4f}",
            "" if own["stderr"] is None else f"{own['stderr']:.4f}",
            _between(model["scores"][score]),
        ]
        for name, model in result["models"].items()
        for score, own in model["harness"].items()
    ]
    counts = ", ".join(f"{n} of {task}" for task, n in result["n"].items())
    header = ["model", "score", "value", "standard error", "95 %"]
    print_table(header, rows, title=f"examples: {counts}")
    if result["pairs"]:
        print_table(*pair_table(result, verdict="verdict"))


def _between(score: dict[str, float | None]) -> str:
    low, high = score["low"], score["high"]
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
