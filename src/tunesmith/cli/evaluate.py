"""``tunesmith eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.prices import PricedCommand, priced_options
from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_scores
from tunesmith.cli.show_perplexity import print_perplexity

if TYPE_CHECKING:
    from tunesmith.chat.spend import PriceList


@click.command("eval", cls=PricedCommand)
@click.argument("target", metavar="RUN|RECIPE")
@OVERRIDES
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Rows to score.")
@click.option(
    "--model",
    "beside",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Score this model beside them, hosted or here; may come again.",
)
@priced_options
@json_option
def command(
    target: str,
    overrides: tuple[str, ...],
    split: str | None,
    beside: tuple[str, ...],
    prices: PriceList | None,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Score base and tuned model on the same prompts.

    Of a RECIPE that has not been run yet, only the base model is scored. KEY=VALUE changes a
    RECIPE's settings. Whatever chat takes can be scored beside them: tunesmith eval RUN --model
    hosted=openai:gpt-4o
    """
    from tunesmith.core.runs import RECIPE, Run
    from tunesmith.pipelines.evaluate import evaluate

    run = Run(Path(target).expanduser())
    if overrides and run.is_finished:
        raise click.UsageError(f"{target} is a run; its settings are in {run.path / RECIPE}.")
    is_recipe = bool(overrides) or not run.path.is_dir()
    scores = evaluate(
        open_told(target, overrides) if is_recipe else target,
        split=split,
        beside=beside,
        prices=prices,
        max_cost=max_cost,
    )
    if as_json:
        print_json(scores)
        return
    (print_perplexity if "stride_tokens" in scores else print_scores)(scores)
    if run.is_finished:
        click.echo(f"report: {run.path / 'report.html'}")
