"""Harness: tasks of EleutherAI's lm-evaluation-harness, for any models."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.spend import price_list
from tunesmith.chat.spent_file import SPENT
from tunesmith.core.errors import RecipeError, RunError, TunesmithError
from tunesmith.core.extras import require
from tunesmith.core.held import held
from tunesmith.core.runs import Run
from tunesmith.pipelines.bases import Bases
from tunesmith.pipelines.beside import named_models
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.harness_asking import Done, asked
from tunesmith.pipelines.harness_result import told

if TYPE_CHECKING:
    from tunesmith.chat.spend import PriceList, Prices

HARNESS, ANSWERS = "harness.json", "answers"


def harness(
    models: Sequence[str],
    tasks: Sequence[str],
    *,
    out: str | Path = "harness",
    limit: int | None = None,
    batch_size: int = 32,
    prices: Prices | PriceList | None = None,
    max_cost: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Has models do tasks of the harness through its public interface, and compares their scores.

    Replies are kept in ``out`` request by request, so that a second call asks only what is missing
    and one that was stopped goes on.

    Args:
        models: ``NAME=MODEL`` or ``MODEL``; hosted ones do tasks whose answers are written.
        tasks: YAML files of tasks; one may run code that it names itself.
        out: folder that gets ``harness.json``.
        limit: examples of each task; None: all.
        batch_size: rows at once.
        prices: of hosted models' tokens, of all or of each by its name.
        max_cost: of each hosted model, over all calls on ``out``.
        seed: of resamples.

    Returns:
        ``models`` (by name: ``scores`` with ``value``, ``low`` and ``high``, and ``harness`` with
        the harness's own ``value`` and ``stderr``), ``pairs`` as those of a comparison, ``n`` (of
        examples by task), ``headings``, ``failed``, ``left_out`` (by model the tasks that it did
        not do, with the reason), ``version``.

    Raises:
        MissingExtraError: the harness is not installed.
        RecipeError: a task's file is not there, or prices are of a model that is not.
        RunError: no model finished; why the first did not.
    """
    for task in tasks:
        if not Path(task).expanduser().is_file():
            raise RecipeError(f"{task}: no such file. Name the YAML file of a harness task.")
    named = named_models(models, taken=())
    price_list(prices).require_known([one.name for one in named])
    package = require("lm_eval", extra="lm-eval", purpose="Tasks of the lm-evaluation-harness")
    version = str(getattr(package, "__version__", ""))
    folder, result = Path(out).expanduser(), dict[str, Any]()
    opening = Opening(batch_size, prices, max_cost, Bases(), folder / SPENT)
    found: dict[str, Done] = {}
    failed: dict[str, str] = {}
    with held(folder, choose="Choose another folder with --out."):
        for one in named:
            try:
                found[one.name] = asked(opening, one, tasks, limit, folder / ANSWERS)
            except TunesmithError as error:
                failed[one.name] = str(error)
                print(f"{one.name}: {error}", file=sys.stderr)
            if found:
                result = told(found, failed, version, seed)
                Run(folder).write(HARNESS, result)  # what is finished outlives a stop
    if not found:
        raise RunError(f"no model finished; the first: {next(iter(failed.values()))}")
    return result
