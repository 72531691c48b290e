"""Room: what a run needs of a disk, and what is said where there is none."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

from tunesmith.core.runs import Run, require_space
from tunesmith.recipe import Recipe
from tunesmith.training.settings import Train

if TYPE_CHECKING:
    from tunesmith.training.loop import Trainer


def require_room(run: Run, recipe: Recipe, trainer: Trainer) -> None:
    """Checks that checkpoints and artefact will fit, beside what is there already.

    Raises:
        RunError: they will not; gives the estimate and what is free.
    """
    trained = sum(p.numel() * p.element_size() for p in trainer.parameters.values())
    whole = sum(p.numel() * p.element_size() for p in trainer.model.parameters())
    artifact = trained if recipe.method.saves_adapter else whole
    require_space(run.path, checkpoints_to_come(run, recipe.train, trained) + artifact)


def checkpoints_to_come(run: Run, train: Train, trained: int) -> int:
    """Bytes that a run's checkpoints will take beside those that are there.

    Args:
        run: its directory.
        train: settings of the loop.
        trained: bytes of the weights that train.
    """
    # Weights and two moments per checkpoint: the kept ones, the best, and the one being written.
    n_checkpoints = train.keep_checkpoints + 2
    there = sum(file.stat().st_size for file in run.checkpoints.rglob("*") if file.is_file())
    return max(0, 3 * trained * n_checkpoints - there)


def not_written(run: Run, error: Exception) -> str:
    """The message for a run whose files could not be written."""
    code = getattr(error, "errno", None)
    is_full = code in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in str(error)
    reason = str(error)
    if is_full:
        reason = f"the disk is full, {shutil.disk_usage(run.path).free / 1e6:.1f} MB are free"
    return (
        f"{run.path}: cannot be written ({reason}). What was saved before is intact; make room and "
        "go on with --resume."
    )
