"""Train: a recipe -> a run."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.code_hash import code_hash
from tunesmith.core.errors import RunError
from tunesmith.core.extras import require_installed
from tunesmith.core.memory import peak_memory_mb
from tunesmith.core.runs import (
    HOLDER,
    LEDGER,
    LOCK,
    RECIPE,
    SUMMARY,
    Run,
    locked_run,
)
from tunesmith.pipelines.alike import Alike, reference_key
from tunesmith.pipelines.build_trainer import build_trainer
from tunesmith.pipelines.card import write_card
from tunesmith.pipelines.frozen_products import require_roundable, rounding_of
from tunesmith.pipelines.keep import save_artifact, take_best
from tunesmith.pipelines.outcome import outcome
from tunesmith.pipelines.precision import Precision, begun_precision, precision_of
from tunesmith.pipelines.prepare import Prepared, prepare
from tunesmith.pipelines.reference import reference_hash
from tunesmith.pipelines.resume import (
    ResumePoint,
    record_changes,
    require_changeable,
    restore,
    resume_point,
    run_identity,
    versions,
)
from tunesmith.pipelines.room import not_written, require_room
from tunesmith.pipelines.seen_rows import keep_seen
from tunesmith.pipelines.track import open_trackers, send_leftovers
from tunesmith.pipelines.trunk_cache import trunk_record
from tunesmith.pipelines.watch import answers_are_made, scorers
from tunesmith.recipe import Recipe
from tunesmith.trackers.tracker import Tracker

if TYPE_CHECKING:
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.loop import Trainer


class Interrupted(SystemExit):
    """Somebody asked the run to stop; its state is saved.

    Left alone, it ends the process with 128 and the signal's number.
    """

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(exit_code)
        self.message = message


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
    from safetensors import SafetensorError

    from tunesmith.training.placement import launched_processes, require_one_process

    require_changeable(allow_changed)
    n_processes = launched_processes()
    with locked_run(Path(recipe.out), resume=resume) as run:
        if run.is_finished:
            print(f"{run.path}: finished already; nothing was trained.", file=sys.stderr)
            send_leftovers(run)
            return run
        recipe = recipe.with_absolute_paths()
        require_roundable(recipe)
        prepared = prepare(recipe)
        identity = run_identity(recipe, prepared, world_size=n_processes)
        point = resume_point(run, identity, allow_changed) if resume else None
        require_one_process(n_processes)
        settled = recipe.model_copy(update={"task": prepared.task})
        precision = precision_of(recipe, prepared.folder, begun_precision(run))
        kept = {"precision": precision.name}
        try:
            if point is None:
                run.write(LOCK, {**identity["hashes"], **kept, "versions": versions()})
                run.write(LEDGER, prepared.ledger.as_dict())
                run.write_text(RECIPE, settled.to_yaml())
            elif point.changes:
                record_changes(run, point, identity, settled)
                run.write(LOCK, {**run.read(LOCK), **kept})
                run.write(LEDGER, prepared.ledger.as_dict())
            _train_in(
                run,
                precision.settled(recipe),
                prepared,
                identity,
                point,
                show_progress,
                also,
                until,
                alike or Alike(),
                precision,
            )
        except (RuntimeError, MemoryError) as error:
            from tunesmith.training.fit import is_out_of_memory, too_little_memory

            if not is_out_of_memory(error):
                raise
            raise too_little_memory(error) from None
        except (OSError, SafetensorError) as error:
            # Everything that is read was read before: what fails here is writing into the run.
            raise RunError(not_written(run, error)) from error
        finally:
            if not resume and not run.checkpoints.exists():
                _clear(run)
    return run


def _train_in(
    run: Run,
    recipe: Recipe,
    prepared: Prepared,
    identity: dict[str, Any],
    point: ResumePoint | None,
    show_progress: bool,
    also: Sequence[Tracker],
    until: float,
    alike: Alike,
    precision: Precision,
) -> None:
    from tunesmith.training.recorder import Recorder
    from tunesmith.training.stop import stop_on_signal

    started = time.perf_counter()
    recorder = Recorder(
        run.checkpoints, [], keep_checkpoints=recipe.train.keep_checkpoints, identity=identity
    )
    trainer = build_trainer(
        recipe,
        prepared,
        recorder,
        run,
        needs_whole=answers_are_made(recipe),
        alike=alike,
        key=reference_key(recipe, identity["hashes"]),
        point=point,
    )
    if show_progress:
        print(precision.told, trainer.batching.told, sep="\n", file=sys.stderr, flush=True)
    trainer.evaluator.scorers = scorers(
        recipe, prepared, trainer, lambda shown: recorder.sampled(trainer.progress.step, shown)
    )
    rounding = rounding_of(trainer)
    if rounding is not None:
        print(rounding.told, file=sys.stderr, flush=True)
    identity["hashes"] |= reference_hash(run)
    network: Any = trainer.model.model
    require_room(run, recipe, trainer)
    if point is not None:
        restore(run, trainer, point, identity)
    # Nothing was evaluated yet where nothing was restored, not even the base at step 0.
    from_step = -1 if point is None else point.step
    recorder.trackers = open_trackers(
        run, recipe, n_steps=trainer.n_steps, from_step=from_step, show_progress=show_progress
    )
    recorder.trackers += [
        tracker.open(run.path, n_steps=trainer.n_steps, from_step=from_step) for tracker in also
    ]
    ended = False
    try:
        with stop_on_signal() as request:
            progress = trainer.progress
            if not (point is not None and _is_over(trainer, until)):
                progress = trainer.fit(lambda step: request(step) or _is_over(trainer, until))
            recorder.settle()
        ended = trainer.is_done
    finally:
        recorder.close(finished=ended)
    if request.signal is not None and not ended:
        raise Interrupted(
            request.exit_code,
            f"stopped at step {progress.step} of {trainer.n_steps}; the state is saved. Go on "
            f"with: tunesmith train {run.path / RECIPE} --resume",
        )
    if not ended:
        return
    kept_step = progress.step
    if recipe.train.keep == "best" and progress.best and progress.best[0] != progress.step:
        kept_step = take_best(run, trainer, progress.best[0])
    summary = {
        "run": str(run.path),
        "steps": progress.step,
        **outcome(progress, trainer.n_steps, kept_step, recipe.evaluate),
        "tokens_per_s": round(recorder.tokens_per_s, 1),
        "seconds": round(time.perf_counter() - started, 2),
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "rows_at_once": trainer.rows_at_once,
        "shared_fraction": _shared_fraction(trainer),
        "forward": _task_model(trainer).way,
        "precision": {"name": precision.name, "why": precision.why},
        "frozen_products": None if rounding is None else rounding.as_dict(),
        "trunk_cache": trunk_record(run),
        "batching": trainer.batching.as_dict(),
        "trainable_parameters": sum(p.numel() for p in trainer.parameters.values()),
        "ledger": prepared.ledger.as_dict(),
        "code": code_hash(["."]),
    }
    if summary["forgetting"] and summary["forgetting"]["warning"]:
        print(summary["forgetting"]["warning"], file=sys.stderr)
    save_artifact(run, recipe, prepared, network, identity)
    write_card(run, summary)
    keep_seen(run, prepared)
    run.write(SUMMARY, summary)
    from tunesmith.pipelines.report import write_report

    write_report(run)


def _shared_fraction(trainer: Trainer) -> float:
    """Share of the tokens trained on that others stood for, their prefix being the same."""
    from tunesmith.training.shared_rows import sharing_of

    sharing = sharing_of(trainer.train_rows)
    return 0.0 if sharing is None else round(sharing.saved_fraction, 4)


def _is_over(trainer: Trainer, until: float) -> bool:
    """Whether a run has come to an evaluation that is no earlier than a share of its steps."""
    step, evaluations = trainer.progress.step, trainer.progress.evaluations
    is_evaluated = bool(evaluations) and evaluations[-1][0] == step
    return until < 1 and step >= until * trainer.n_steps and is_evaluated


def _task_model(trainer: Trainer) -> TaskModel:
    model: Any = trainer.model
    return model


def _clear(run: Run) -> None:
    """Takes a new directory's files away again: not even one step was saved."""
    for entry in run.path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != HOLDER:
            entry.unlink()
