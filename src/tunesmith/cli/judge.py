"""Judge: the options of ``compare`` that say whose preference counts, a model's or people's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from tunesmith.cli.show import print_table

if TYPE_CHECKING:
    from tunesmith.chat.spend import Prices
    from tunesmith.pipelines.judge_request import JudgeRequest


def judge_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of judging and voting to a verb."""
    options = [
        click.option("--judge", metavar="MODEL", help="Says of every two answers which is better."),
        click.option("--rubric", metavar="NAME|FILE", help="What it judges by; see the guide."),
        click.option(
            "--criterion",
            "criteria",
            multiple=True,
            metavar="NAME[: TEXT]",
            help="Judge by this alone; may come again.",
        ),
        click.option(
            "--judge-prices",
            type=(float, float),
            metavar="PROMPT ANSWER",
            help="Of a hosted judge, as --prices, which they are unless given.",
        ),
        click.option(
            "--judge-max-cost",
            type=click.FloatRange(0, min_open=True),
            help="Of a hosted judge, as --max-cost, which it is unless given.",
        ),
        click.option("--vote", is_flag=True, help="Vote yourself, without seeing whose it is."),
        click.option("--voter", metavar="NAME", help="Who votes.  [default: the user's name]"),
        click.option("--vote-seed", type=int, default=0, help="Of the order of votes and sides."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def judge_of(
    judge: str | None,
    rubric: str | None,
    criteria: tuple[str, ...],
    prices: Prices | None,
    max_cost: float | None,
) -> JudgeRequest | None:
    """What ``--judge`` and the options beside it say."""
    from tunesmith.pipelines.judge_request import JudgeRequest

    if judge is None:
        if rubric is not None or criteria:
            raise click.UsageError("--rubric and --criterion go with --judge MODEL.")
        return None
    return JudgeRequest(judge, rubric, criteria, prices, max_cost)


def print_preferences(result: Mapping[str, Any]) -> None:
    """Writes the tables of a judge and of votes, where there are any."""
    from tunesmith.pipelines.preference_page import preference_tables

    for title, header, rows in preference_tables(result):
        print_table(header, rows, title=title)
