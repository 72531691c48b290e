"""Shares: how many of a model's answers were cut, empty, unreadable, refused; in every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tunesmith.evaluation.figures import known, percent_text

SHARES = {
    "cut_fraction": "cut",
    "empty_fraction": "empty",
    "unread_fraction": "unreadable",
    "refused_fraction": "refused",
    "unanswered_fraction": "unanswered",
    "prompt_cut_fraction": "prompt cut",
}
"""What each is called, in the order of columns."""
ONLY_OF_SOME = {"empty_fraction", "refused_fraction", "unanswered_fraction"}
"""Those that a model has where there are any: a model without one has none of these answers."""


def shown_shares(models: Iterable[Mapping[str, Any]]) -> list[str]:
    """The shares that are worth a column: of cut answers, and what any model has.

    Args:
        models: what is told of each.
    """
    told = list(models)
    return [name for name in SHARES if name == "cut_fraction" or any(one.get(name) for one in told)]


def share_of(model: Mapping[str, Any], name: str) -> float | None:
    """A share of one model's answers; None where it does not apply.

    Args:
        model: what is told of it.
        name: of the share.
    """
    return known(model.get(name, 0.0 if name in ONLY_OF_SOME else None))


def share_text(model: Mapping[str, Any], name: str, nothing: str = "-") -> str:
    """The same in words."""
    return percent_text(share_of(model, name), nothing)
