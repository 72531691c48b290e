"""Shown run: what the page tells of a model that is a run: curves, data, lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.evaluation.charts import Line, describe, line_chart
from tunesmith.evaluation.report import Curve, full_counts


@dataclass(frozen=True)
class ShownRun:
    """A run that was compared.

    Attributes:
        name: of the model in the tables.
        path: of the run.
        train_loss: by step.
        eval_loss: likewise.
        learning_rate: likewise.
        loss_about: what the loss is, in a sentence.
        ledger: by split.
        lock: hashes by part.
        versions: by package.
        facts: (label, value) pairs.
        recipe_yaml: the resolved recipe.
    """

    name: str
    path: str
    train_loss: Curve | None = None
    eval_loss: Curve | None = None
    learning_rate: Curve | None = None
    loss_about: str = ""
    ledger: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    lock: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    facts: Sequence[tuple[str, str]] = ()
    recipe_yaml: str = ""

    @property
    def charts(self) -> dict[str, str]:
        """SVG by name; the empty string where there is nothing to draw."""
        losses = [
            Line(curve.name, curve.points, colour, is_noisy=is_noisy)
            for curve, colour, is_noisy in (
                (self.train_loss, "var(--quiet)", True),
                (self.eval_loss, "var(--accent)", False),
            )
            if curve is not None
        ]
        rate = self.learning_rate
        rates = [] if rate is None else [Line(rate.name, rate.points, "var(--quiet)")]
        title = f"Loss by step, {self.name}"
        return {
            "wide": line_chart(losses, title=title, width=680, height=320),
            "narrow": line_chart(losses, title=title, width=342, height=280),
            "rate": line_chart(
                rates, title=f"Learning rate by step, {self.name}", width=332, height=320
            ),
        }

    @property
    def caption(self) -> str:
        """The curves in words."""
        curves = [curve for curve in (self.train_loss, self.eval_loss) if curve is not None]
        return " ".join(describe(curve.name, curve.points) for curve in curves)

    @property
    def splits(self) -> dict[str, dict[str, Any]]:
        """The ledger with every count."""
        return {split: full_counts(counts) for split, counts in self.ledger.items()}


def side_by_side(runs: Sequence[ShownRun], part: str) -> list[tuple[str, list[str], bool]]:
    """One part of all runs' locks: the key, its value in each run, and whether they differ.

    Args:
        runs: in the order of columns.
        part: ``lock`` or ``versions``.
    """
    held: list[Mapping[str, str]] = [getattr(run, part) for run in runs]
    keys = dict.fromkeys(key for one in held for key in one)
    rows = [(key, [str(one.get(key, "")) for one in held]) for key in keys]
    return [(key, values, len(set(values)) > 1) for key, values in rows]
