"""``tunesmith compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from tunesmith.cli.compare_show import print_comparison
from tunesmith.cli.hosted import prices_of
from tunesmith.cli.judge import judge_of, judge_options
from tunesmith.cli.prices import PricedCommand, priced_options
from tunesmith.cli.show import json_option, print_json

if TYPE_CHECKING:
    from tunesmith.chat.spend import PriceList


@click.command("compare", cls=PricedCommand)
@click.argument("models", nargs=-1, metavar="[NAME=]MODEL...")
@click.option("--data", metavar="FILE|RECIPE|RUN", help="Examples; else those of the first run.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Rows to ask.")
@click.option("--task", metavar="NAME", help="Of a data file that does not tell it.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="May come again.")
@click.option(
    "--template",
    "templates",
    multiple=True,
    metavar="NAME=TEMPLATE",
    help="Ask one model in none (plain text), native, recipe or a template; may come again.",
)
@click.option("--out", default="comparison", show_default=True, help="Keeps answers and figures.")
@click.option("--max-rows", type=click.IntRange(1), help="Examples asked, from the start.")
@click.option("--max-new-tokens", type=click.IntRange(1), help="Longest answer.")
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--against", metavar="NAME|MODEL", help="List the examples that are worse than with it."
)
@judge_options
@click.option(
    "--bad-rows",
    type=click.Choice(["error", "reject"]),
    default="error",
    show_default=True,
    help="Of a data file: stop at a row that cannot be used, or leave it out and count it.",
)
@priced_options
@json_option
def command(
    models: tuple[str, ...],
    data: str | None,
    split: str | None,
    task: str | None,
    metrics: tuple[str, ...],
    templates: tuple[str, ...],
    out: str,
    max_rows: int | None,
    max_new_tokens: int | None,
    batch_size: int,
    against: str | None,
    judge: str | None,
    rubric: str | None,
    criteria: tuple[str, ...],
    judge_prices: tuple[float, float] | None,
    judge_max_cost: float | None,
    vote: bool,
    voter: str | None,
    vote_seed: int,
    bad_rows: Literal["error", "reject"],
    prices: PriceList | None,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Compare any models on the same examples, and say which differences are real.

    A MODEL is a run, an adapter, a prompted model, a folder, a hub id, or a hosted model:

    tunesmith compare base=meta-llama/Llama-2-7b-hf tuned=runs/a hosted=openai:gpt-4o

    Answers are kept in --out, so that a second comparison asks only what is missing. Without a
    MODEL what is kept there is judged (--judge) or voted on (--vote).
    """
    from tunesmith.cli.vote import vote_and_count
    from tunesmith.pipelines.compare import compare
    from tunesmith.pipelines.compare_request import CompareRequest
    from tunesmith.pipelines.judge_compared import judge_compared

    if vote and as_json:
        raise click.UsageError("--vote asks a person; --json afterwards tells what came of it.")
    asked = judge_of(judge, rubric, criteria, prices_of(judge_prices), judge_max_cost)
    of_models = (data, split, task, metrics, templates, max_rows, max_new_tokens, against)
    if not models and (any(of_models) or bad_rows != "error"):
        raise click.UsageError("these options go with models; name them too.")
    if models:
        result = compare(
            CompareRequest(
                models=models,
                data=data,
                out=out,
                task=task,
                split=split,
                metrics=metrics or None,
                templates=_named(templates),
                max_rows=max_rows,
                max_new_tokens=max_new_tokens,
                batch_size=batch_size,
                against=against,
                judge=asked,
                prices=prices,
                max_cost=max_cost,
                bad_rows=bad_rows,
            )
        )
    else:
        alone = CompareRequest((), judge=asked, prices=prices, max_cost=max_cost)
        result = judge_compared(out, alone.judging, batch_size=batch_size)
    if vote:
        counted = vote_and_count(out, voter, seed=vote_seed)
        if counted is None:
            return
        result = counted
    if as_json:
        print_json(result)
    else:
        print_comparison(result, out)
    if result["failed"] or result.get("judge", {}).get("failed"):
        raise SystemExit(1)


def _named(templates: tuple[str, ...]) -> dict[str, str] | None:
    """What ``--template`` gives, by model."""
    named = [template.partition("=") for template in templates]
    if odd := next((name for name, sign, value in named if not (sign and value)), None):
        raise click.UsageError(f"--template {odd}: write NAME=TEMPLATE.")
    return {name: value for name, _, value in named} or None
