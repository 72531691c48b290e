"""Train: a recipe -> a run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tunesmith.core.errors import RunError
from tunesmith.core.extras import require_installed
from tunesmith.core.runs import HOLDER, LEDGER, LOCK, RECIPE, Run, locked_run
from tunesmith.pipelines.alike import Alike
from tunesmith.pipelines.build_trainer import settle_kernels
from tunesmith.pipelines.frozen_products import require_roundable
from tunesmith.pipelines.precision import begun_precision, precision_of
from tunesmith.pipelines.prepare import prepare
from tunesmith.pipelines.reference import MARKER
from tunesmith.pipelines.resume import (
    record_changes,
    require_changeable,
    resume_point,
    run_identity,
    versions,
)
from tunesmith.pipelines.room import not_written
from tunesmith.pipelines.track import send_leftovers
from tunesmith.pipelines.trunk_cache import RECORD
from tunesmith.pipelines.tune import Interrupted, Opened, Wishes, tune
from tunesmith.recipe import Recipe
from tunesmith.trackers.tracker import Tracker

__all__ = ["Interrupted", "train"]


def train(
    recipe: Recipe,
    *,
    resume: bool = False,
    allow_changed: Sequence[str] = (),
    show_progress: bool = False,
    also: Sequence[Tracker] = (),
    until: float = 1.0,
    alike: Alike | None = None,
) -> Run:
    """Tunes a model.

    Args:
        recipe: the whole of it.
        resume: go on with the run that is in ``recipe.out``.
        allow_changed: what may be different on a resume, as ``data`` or ``optim``; it is told, and
            kept in the run's ``lock.json``.
        show_progress: whether loss and speed are shown on standard error.
        also: trackers beside the recipe's, not kept in it; they hear of a step last.
        until: share of the steps after which it pauses, at its next evaluation, as if a signal had
            stopped it there; the learning rate is that of the whole run.
        alike: what runs have of each other that this process makes one after another; None: it
            is the only one.

    Returns:
        The run, finished but where it pauses; ``run.summary`` has its figures, ``run.artifact`` the
        tuned model.

    Raises:
        TunesmithError: anything that is wrong with recipe, data, model or directory.
        Interrupted: a signal stopped it; ``--resume`` goes on.
    """
    for library in ("torch", "transformers"):
        require_installed(library, extra="train", purpose="Training")
    for tracker in recipe.trackers:
        tracker.require_library()
    require_changeable(allow_changed)
    wishes = Wishes(show_progress, also, until, alike or Alike())
    with locked_run(Path(recipe.out), resume=resume) as run:
        if run.is_finished:
            print(f"{run.path}: finished already; nothing was trained.", file=sys.stderr)
            send_leftovers(run)
            return run
        recipe = recipe.with_absolute_paths()
        opened = _opened(run, recipe, resume, allow_changed)
        try:
            with _told_of(run):
                _write_down(opened, recipe)
                tune(opened, wishes)
        finally:
            if not resume and not run.checkpoints.exists():
                _clear(run)
    return run


def _opened(run: Run, recipe: Recipe, resume: bool, allow_changed: Sequence[str]) -> Opened:
    """A run with its data and, where it goes on, its checkpoint; nothing is written yet."""
    from tunesmith.model.device import default_device
    from tunesmith.training.placement import launched_processes, require_one_process

    n_processes = launched_processes()
    require_roundable(recipe)
    prepared = prepare(recipe)
    settle_kernels(default_device())  # which of them run is a circumstance
    identity = run_identity(recipe, prepared, world_size=n_processes)
    point = resume_point(run, identity, allow_changed) if resume else None
    require_one_process(n_processes)
    begun = None if point is None else begun_precision(run)
    precision = precision_of(recipe, prepared.folder, begun)
    return Opened(run, precision.settled(recipe), prepared, identity, point, precision)


def _write_down(opened: Opened, recipe: Recipe) -> None:
    """Keeps what the run is, before any weight is loaded."""
    run, point = opened.run, opened.point
    settled = recipe.model_copy(update={"task": opened.prepared.task})
    kept = {"precision": opened.precision.name}
    if point is None:
        run.write(LOCK, {**opened.identity["hashes"], **kept, "versions": versions()})
        run.write(LEDGER, opened.prepared.ledger.as_dict())
        run.write_text(RECIPE, settled.to_yaml())
        for left in (RECORD, MARKER):  # of a beginning that came to no checkpoint, and any recipe
            (run.path / left).unlink(missing_ok=True)
    elif point.changes:
        record_changes(run, point, opened.identity, settled)
        run.write(LOCK, {**run.read(LOCK), **kept})
        run.write(LEDGER, opened.prepared.ledger.as_dict())


@contextmanager
def _told_of(run: Run) -> Iterator[None]:
    """Answers what goes wrong within it with what to do.

    Raises:
        RunError: memory ran out, or the run cannot be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        from tunesmith.training.fit import is_out_of_memory, too_little_memory

        if not is_out_of_memory(error):
            raise
        raise too_little_memory(error) from None
    except (OSError, SafetensorError) as error:
        # Everything that is read was read before: what fails here is writing into the run.
        raise RunError(not_written(run, error)) from error


def _clear(run: Run) -> None:
    """Takes a new directory's files away again: not even one step was saved."""
    for entry in run.path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != HOLDER:
            entry.unlink()
