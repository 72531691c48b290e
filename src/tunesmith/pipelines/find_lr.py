"""Find a learning rate: a short run whose rate rises, thrown away but for what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tunesmith.core.errors import DivergedError, RunError
from tunesmith.core.extras import require
from tunesmith.evaluation import report
from tunesmith.evaluation.pages import page_environment
from tunesmith.evaluation.scatter import Dots, scatter_chart
from tunesmith.pipelines.precision import precision_of
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import Recipe
from tunesmith.training.lr_range import (
    N_STEPS,
    SAFE_SHARE,
    Reading,
    has_exploded,
    rising,
    smoothed,
    suggested,
)

SIZES = {"wide": (1040, 420), "narrow": (342, 320)}


class _Losses:
    """Watches a trial and keeps its losses."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.rates.append(values["lr"])
        self.losses.append(values["loss"])

    def evaluated(self, values: dict[str, Any]) -> None:
        """Nothing is held out in a trial."""

    def save(self, checkpoint: Any) -> None:
        """A trial leaves nothing."""

    def should_stop(self, step: int) -> bool:
        return has_exploded(self.losses)


def find_lr(recipe: Recipe, *, n_steps: int = N_STEPS) -> dict[str, Any]:
    """Trains for up to ``n_steps`` steps with a rate that rises from 1e-7 to 1.

    The recipe's rows, batches, method and optimizer are taken as they are; only schedule and length
    are the test's own. Beside the recipe's ``out`` a page and a table are written, and no run.

    Returns:
        ``lr`` (suggested), ``rates`` (lr, loss, smoothed), ``told`` (the rule in words), ``page``,
        ``table``.

    Raises:
        RunError: the loss never fell, so that there is nothing to suggest.
        TunesmithError: recipe, data or model cannot be used.
    """
    require("torch", extra="train", purpose="Finding a learning rate")
    from tunesmith.pipelines.build_trainer import build_trainer
    from tunesmith.training.fit import is_out_of_memory, too_little_memory

    prepared = prepare(recipe)
    recipe = precision_of(recipe, prepared.folder).settled(recipe)
    n_rows = len(prepared.task.lengths(prepared.encoded["train"]))
    n_epochs = max(1.0, n_steps * recipe.train.batch_size / n_rows + 1)
    train = recipe.train.model_copy(
        update={"max_steps": n_steps, "epochs": n_epochs, "log_every_steps": 1}
    )
    seen = _Losses()
    try:
        trainer = build_trainer(
            recipe.model_copy(update={"train": train}), prepared, seen, needs_whole=False
        )
        trainer.evaluator.rows = None
        trainer.rate = lambda step: rising(step, n_steps)
        trainer.fit(seen.should_stop)
    except DivergedError:
        pass  # as far as it goes, that is what the test is for
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_little_memory(error) from None
    readings = [
        Reading(*figures)
        for figures in zip(seen.rates, seen.losses, smoothed(seen.losses), strict=True)
    ]
    lr = suggested(readings)
    if lr is None:
        raise RunError(
            "the loss never fell, whatever the rate: look at what is learnt with tunesmith data "
            "preview, or raise train.batch_size if it is noise."
        )
    lowest = min(readings, key=lambda reading: reading.smoothed)
    result: dict[str, Any] = {
        "lr": lr,
        "recipe_lr": recipe.lr,
        "told": (
            f"the smoothed loss is lowest at {lowest.lr:.1e}; {SAFE_SHARE:g} of that is suggested: "
            f"optim.lr={lr:g} (the recipe has {recipe.lr:g})"
        ),
        "rates": [{"lr": r.lr, "loss": r.loss, "smoothed": r.smoothed} for r in readings],
        "page": f"{recipe.out}-find-lr.html",
        "table": f"{recipe.out}-find-lr.json",
    }
    try:
        Path(recipe.out).expanduser().parent.mkdir(parents=True, exist_ok=True)
        table, page = (Path(result[name]).expanduser() for name in ("table", "page"))
        table.write_text(json.dumps(result, indent=1), "utf-8")
        page.write_text(_page(result, recipe), "utf-8")
    except OSError as error:
        raise RunError(
            f"{recipe.out}: cannot be written beside ({error.strerror}). Choose another out=..."
        ) from None
    return result


def _page(result: dict[str, Any], recipe: Recipe) -> str:
    page = page_environment(Path(__file__).parent, Path(report.__file__).parent)
    charts = {name: Markup(_chart(result, *size)) for name, size in SIZES.items()}
    text = page.get_template("find_lr.html.j2").render(result=result, out=recipe.out, charts=charts)
    return text.encode("utf-8", "replace").decode("utf-8")


def _chart(result: dict[str, Any], width: int, height: int) -> str:
    rates = result["rates"]
    points = [(r["lr"], r["smoothed"], f"rate {r['lr']:.1e}") for r in rates]
    nearest = min(rates, key=lambda rate: abs(rate["lr"] / result["lr"] - 1))
    return scatter_chart(
        [Dots("smoothed loss", points, "var(--accent)")],
        title="Loss by learning rate",
        x_name="learning rate; the ring is the suggestion",
        is_log=True,
        best=(nearest["lr"], nearest["smoothed"]),
        width=width,
        height=height,
    )
