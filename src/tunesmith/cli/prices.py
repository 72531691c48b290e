"""Prices: ``--prices PROMPT ANSWER`` of all models, ``--prices NAME=PROMPT,ANSWER`` of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tunesmith.chat.spend import PriceList

OPTION = "--prices"
FORMS = "write --prices PROMPT ANSWER for all hosted models, or --prices NAME=PROMPT,ANSWER for one"


class PricedCommand(click.Command):
    """A verb whose ``--prices`` come as two words or as one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the line, in which two prices are made one word first."""
        return super().parse_args(ctx, joined(args))


def joined(words: Sequence[str]) -> list[str]:
    """A command line in which both prices behind ``--prices`` are one word: ``2.5,10``."""
    found: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*found, word, *left]
        option, sign, first = word.partition("=")
        if option == OPTION and not sign and left:
            first = left.pop(0)
        if option == OPTION and _is_number(first) and left and _is_number(left[0]):
            first = f"{first},{left.pop(0)}"
        found += [option, first] if option == OPTION and first else [word]
    return found


def priced_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--prices`` and ``--max-cost`` to a :class:`PricedCommand` about several models."""
    prices = click.option(
        OPTION,
        multiple=True,
        metavar="PROMPT ANSWER|NAME=PROMPT,ANSWER",
        callback=_listed,
        help="Of hosted models, of all or of one: cost of a million tokens; may come again.",
    )
    cap = click.option(
        "--max-cost",
        type=click.FloatRange(0, min_open=True),
        help="Of each hosted model: ask no more once its replies cost so much; needs --prices.",
    )
    return prices(cap(function))


def _listed(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> PriceList | None:
    """What all ``--prices`` say together."""
    if not given:
        return None
    from tunesmith.chat.spend import PriceList, Prices

    found: dict[str, Prices] = {}
    for text in given:
        read = re.fullmatch(r"(?:([^=]+)=)?([^,=]+),([^,=]+)", text)
        if read is None or not (_is_number(read[2]) and _is_number(read[3])):
            raise click.BadParameter(f"{text!r}: {FORMS}.", ctx, param)
        name = read[1] or ""
        if name in found:
            raise click.BadParameter(f"{text!r}: {name or 'all models'} has prices already.")
        found[name] = Prices(float(read[2]), float(read[3]))
    return PriceList(found.pop("", None), found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
