"""Compare request: what is compared, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tunesmith.chat.spend import PriceList
from tunesmith.pipelines.judge_request import JudgeRequest


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """What is compared, and how it is asked.

    Attributes:
        models: each ``NAME=MODEL`` or ``MODEL``; any that :func:`tunesmith.load` takes.
        data: a recipe, a run or a data file; None: the held-out rows of the first run.
        out: folder that keeps answers, figures and pages.
        task: its name, for a data file that does not tell it.
        split: of the data.
        metrics: names; None: the task's own.
        templates: by a model's name, how conversations are laid out for it in place of its own.
        max_rows: examples asked, from the start; None: all.
        max_new_tokens: longest answer; None: as the recipe has it, else 128.
        batch_size: prompts at once.
        against: the model whose examples must not get worse, by its name in the table or as
            it is given to ``models``, which it joins; None: no such list.
        seed: of resamples.
        judge: a model that says of every two answers which is better; None: nobody does.
        prices: of hosted models' tokens, of each by its name in the table or of all.
        max_cost: no request is sent to a hosted model once the replies that it was asked for in
            this folder, by earlier comparisons too, cost so much.
        bad_rows: of a data file, whether a row that cannot be used stops the comparison or is left
            out and counted; a recipe has its own ``data.bad_rows``.
    """

    models: tuple[str, ...]
    data: str | None = None
    out: str = "comparison"
    task: str | None = None
    split: str | None = None
    metrics: tuple[str, ...] | None = None
    templates: Mapping[str, str] | None = None
    max_rows: int | None = None
    max_new_tokens: int | None = None
    batch_size: int = 32
    against: str | None = None
    seed: int = 0
    judge: JudgeRequest | None = None
    prices: PriceList | None = None
    max_cost: float | None = None
    bad_rows: Literal["error", "reject"] = "error"

    @property
    def judging(self) -> JudgeRequest | None:
        """Who judges, at the prices of all models and under their cap unless it has its own."""
        if self.judge is None:
            return None
        prices = None if self.prices is None else self.prices.others
        own = self.judge
        return replace(
            own,
            prices=prices if own.prices is None else own.prices,
            max_cost=self.max_cost if own.max_cost is None else own.max_cost,
        )
