"""Tune: an opened run -> a trained model with its summary, or a state to go on from."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunesmith.core.code_hash import code_hash
from tunesmith.core.memory import peak_memory_mb
from tunesmith.core.runs import RECIPE, SUMMARY, Run
from tunesmith.pipelines.alike import Alike, reference_key
from tunesmith.pipelines.build_trainer import build_trainer
from tunesmith.pipelines.card import write_card
from tunesmith.pipelines.frozen_products import Rounding, rounding_of
from tunesmith.pipelines.keep import save_artifact, take_best
from tunesmith.pipelines.outcome import outcome
from tunesmith.pipelines.precision import Precision
from tunesmith.pipelines.prepare import Prepared
from tunesmith.pipelines.reference import reference_hash
from tunesmith.pipelines.resume import ResumePoint, restore
from tunesmith.pipelines.room import require_room
from tunesmith.pipelines.seen_rows import keep_seen
from tunesmith.pipelines.track import open_trackers
from tunesmith.pipelines.trunk_cache import trunk_record
from tunesmith.pipelines.watch import answers_are_made, scorers
from tunesmith.recipe import Recipe
from tunesmith.trackers.tracker import Tracker

if TYPE_CHECKING:
    from tunesmith.training.loop import Trainer
    from tunesmith.training.recorder import Recorder


class Interrupted(SystemExit):
    """Somebody asked the run to stop; its state is saved.

    Left alone, it ends the process with 128 and the signal's number.
    """

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(exit_code)
        self.message = message


@dataclass(frozen=True)
class Opened:
    """A run that is about to be trained.

    Attributes:
        run: its directory, held by this process.
        recipe: the whole of it, with its precision settled.
        prepared: its data.
        identity: what must be the same for a resume; grows by what the model tells.
        point: where it goes on; None: it begins.
        precision: of its arithmetic, and why.
    """

    run: Run
    recipe: Recipe
    prepared: Prepared
    identity: dict[str, Any]
    point: ResumePoint | None
    precision: Precision


@dataclass(frozen=True)
class Wishes:
    """What a caller wants beside the recipe.

    Attributes:
        show_progress: whether loss and speed are shown on standard error.
        also: trackers beside the recipe's.
        until: share of the steps after which it pauses.
        alike: what other runs of this process have left for this one.
    """

    show_progress: bool
    also: Sequence[Tracker]
    until: float
    alike: Alike


def tune(opened: Opened, wishes: Wishes) -> None:
    """Trains a run as far as is wished, and ends it where that is its end.

    Raises:
        Interrupted: a signal stopped it.
    """
    from tunesmith.training.recorder import Recorder

    started = time.perf_counter()
    recorder = Recorder(
        opened.run.checkpoints,
        [],
        keep_checkpoints=opened.recipe.train.keep_checkpoints,
        identity=opened.identity,
    )
    trainer = _trainer(opened, wishes, recorder)
    rounding = rounding_of(trainer)
    if rounding is not None:
        print(rounding.told, file=sys.stderr, flush=True)
    opened.identity["hashes"] |= reference_hash(opened.run)
    require_room(opened.run, opened.recipe, trainer)
    if opened.point is not None:
        restore(opened.run, trainer, opened.point, opened.identity)
    _open_trackers(opened, wishes, trainer, recorder)
    if _fit(opened, wishes, trainer, recorder):
        _finish(opened, trainer, recorder, rounding, started)


def _trainer(opened: Opened, wishes: Wishes, recorder: Recorder) -> Trainer:
    """The trainer with all that watches it."""
    recipe, prepared = opened.recipe, opened.prepared
    trainer = build_trainer(
        recipe,
        prepared,
        recorder,
        opened.run,
        needs_whole=answers_are_made(recipe),
        alike=wishes.alike,
        key=reference_key(recipe, opened.identity["hashes"]),
        point=opened.point,
    )
    if wishes.show_progress:
        told = opened.precision.told, trainer.batching.told
        print(*told, sep="\n", file=sys.stderr, flush=True)
    trainer.evaluator.scorers = scorers(
        recipe, prepared, trainer, lambda shown: recorder.sampled(trainer.progress.step, shown)
    )
    return trainer


def _open_trackers(opened: Opened, wishes: Wishes, trainer: Trainer, recorder: Recorder) -> None:
    # Nothing was evaluated yet where nothing was restored, not even the base at step 0.
    from_step = -1 if opened.point is None else opened.point.step
    recorder.trackers = open_trackers(
        opened.run,
        opened.recipe,
        n_steps=trainer.n_steps,
        from_step=from_step,
        show_progress=wishes.show_progress,
    )
    recorder.trackers += [
        tracker.open(opened.run.path, n_steps=trainer.n_steps, from_step=from_step)
        for tracker in wishes.also
    ]


def _fit(opened: Opened, wishes: Wishes, trainer: Trainer, recorder: Recorder) -> bool:
    """Takes the steps; whether all of them are done.

    Raises:
        Interrupted: a signal stopped it.
    """
    from tunesmith.training.stop import stop_on_signal

    ended, until = False, wishes.until
    try:
        with stop_on_signal() as request:
            if opened.point is None or not _is_over(trainer, until):
                trainer.fit(lambda step: request(step) or _is_over(trainer, until))
            recorder.settle()
        ended = trainer.is_done
    finally:
        recorder.close(finished=ended)
    if request.signal is not None and not ended:
        raise Interrupted(
            request.exit_code,
            f"stopped at step {trainer.progress.step} of {trainer.n_steps}; the state is saved. "
            f"Go on with: tunesmith train {opened.run.path / RECIPE} --resume",
        )
    return ended


def _finish(
    opened: Opened,
    trainer: Trainer,
    recorder: Recorder,
    rounding: Rounding | None,
    started: float,
) -> None:
    """Keeps the model, and writes what is told of the run."""
    from tunesmith.pipelines.report import write_report

    run, recipe, progress = opened.run, opened.recipe, trainer.progress
    model: Any = trainer.model
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
        "forward": model.way,
        "precision": {"name": opened.precision.name, "why": opened.precision.why},
        "frozen_products": None if rounding is None else rounding.as_dict(),
        "trunk_cache": trunk_record(run),
        "batching": trainer.batching.as_dict(),
        "trainable_parameters": sum(p.numel() for p in trainer.parameters.values()),
        "ledger": opened.prepared.ledger.as_dict(),
        "code": code_hash(["."]),
    }
    if summary["forgetting"] and summary["forgetting"]["warning"]:
        print(summary["forgetting"]["warning"], file=sys.stderr)
    save_artifact(run, recipe, opened.prepared, model.model, opened.identity)
    write_card(run, summary)
    keep_seen(run, opened.prepared)
    run.write(SUMMARY, summary)
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
