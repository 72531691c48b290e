"""Priced answers: what answers cost, by their tokens and the prices that are told now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tunesmith.chat.spend import PriceList, Prices, price_list
from tunesmith.core.answers import Road
from tunesmith.evaluation.roads import Answered
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.kept_answers import Kept
from tunesmith.pipelines.load import hosted_behind


def priced_answers(
    answers: Mapping[str, tuple[Kept, Road]],
    models: Sequence[Beside],
    prices: PriceList | None,
) -> dict[str, tuple[Kept, Road]]:
    """The same answers at the prices of this command, be they new or kept from before.

    Args:
        answers: by the model's name, behind which its road may stand.
        models: that answered; those of this machine have no prices.
        prices: of hosted ones' tokens; None: not known.
    """
    known = {
        one.name: price_list(prices).of(one.name)
        for one in models
        if any(label.split("/")[0] == one.name for label in answers)
        and hosted_behind(one.model) is not None
    }
    return {
        label: (_priced(kept, known.get(label.split("/")[0])), road)
        for label, (kept, road) in answers.items()
    }


def _priced(kept: Kept, prices: Prices | None) -> Kept:
    return replace(kept, answered=[replace(one, cost=_cost(one, prices)) for one in kept.answered])


def _cost(one: Answered, prices: Prices | None) -> float | None:
    if prices is None or one.n_prompt_tokens is None or one.n_tokens is None:
        return None
    return prices.of(one.n_prompt_tokens, one.n_tokens)
