"""Hosted: what verbs that may ask a hosted model take: its prices, and a cap on the cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tunesmith.chat.spend import Prices


def hosted_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--prices`` and ``--max-cost`` to a verb."""
    prices = click.option(
        "--prices",
        type=(float, float),
        metavar="PROMPT ANSWER",
        help="Of a hosted model: cost of a million tokens of each.",
    )
    cap = click.option(
        "--max-cost",
        type=click.FloatRange(0, min_open=True),
        help="Of a hosted model: ask no more once its replies cost so much; needs --prices.",
    )
    return prices(cap(function))


def prices_of(given: tuple[float, float] | None) -> Prices | None:
    """What ``--prices`` says.

    Raises:
        EndpointError: it is no price.
    """
    from tunesmith.chat.spend import Prices

    return None if given is None else Prices(*given)
