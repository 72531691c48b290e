"""Settings of an evaluation; no torch here."""

from __future__ import annotations

from pydantic import Field

from tunesmith.core.answers import Road
from tunesmith.core.part import Settings

GENERAL = "general"
"""Stands for the text that comes with the package."""
FORGETTING = "general_perplexity"
"""The figure that is found on it."""


class Evaluate(Settings):
    """How answers are made; always greedy, so that a second evaluation gives the same."""

    max_rows: int | None = Field(default=None, gt=0)
    """Rows scored, from the start of the split; None: all."""
    max_new_tokens: int = Field(default=128, gt=0)
    """Longest answer; a longer one is cut, and counted as cut."""
    batch_size: int = Field(default=32, gt=0)
    """Prompts answered at once."""
    metrics: list[str] | None = None
    """Names of metrics, with settings behind them (``rouge:units=jieba``), or files of your own
    (``./my_metric.py``, found beside the recipe); None: the task's own."""
    roads: list[Road] | None = None
    """How each model comes to its answers: by its own ``head``, by the ``likelihood`` of each
    answer there is, or by what it writes (``generate``). None: every way that task and model
    know."""
    length_normalised: bool = False
    """Whether ``likelihood`` is the mean over an answer's tokens rather than the sum."""
    forgetting: str | None = "general"
    """Text that has nothing to do with the tuning: what a model loses on it is told. ``general``: a
    small one that comes with the package; else a text file; None: not measured."""
    forgetting_limit: float = Field(default=0.1, ge=0)
    """Share by which the perplexity on that text may rise before it is warned of."""
    n_shown: int = Field(default=20, ge=0)
    """Examples shown side by side in the report."""
    stride_tokens: int | None = Field(default=None, gt=0)
    """Of running text: how far the window moves on that a model reads it in. Every token is scored
    once, with a window less a stride before it at the least; None: half a window."""
