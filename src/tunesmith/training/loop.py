"""Trainer: the one loop. It knows batches and loss sums, and nothing of tasks or methods."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from tunesmith.core.errors import DivergedError
from tunesmith.model.batch import Batch
from tunesmith.training.ahead import Ahead
from tunesmith.training.batching import Batching, fixed_batching
from tunesmith.training.checkpoint import random_state, restore_random_state
from tunesmith.training.evaluation import Evaluator, Stopped
from tunesmith.training.fit import Portion
from tunesmith.training.goal import Goal
from tunesmith.training.optim import (
    LRFactor,
    build_optimizer,
    lr_schedule,
    one_lr,
    trained_parameters,
)
from tunesmith.training.packed_rows import PackedRows
from tunesmith.training.passes import Passes, Rows, Sums
from tunesmith.training.placement import SingleDevice
from tunesmith.training.plan import Step
from tunesmith.training.progress import Progress, Watcher
from tunesmith.training.settings import Optim, Train
from tunesmith.training.shared_rows import count
from tunesmith.training.snapshot import snapshot
from tunesmith.training.steps import Steps
from tunesmith.training.taken import Taken, log_every, read, require_finite


class Trainer:
    """Trains a model whose forward returns the loss sum of a batch."""

    def __init__(
        self,
        model: nn.Module,
        train_rows: Rows,
        eval_rows: Rows | None,
        *,
        settings: Train,
        optim: Optim,
        lr: float,
        placement: SingleDevice,
        watcher: Watcher,
        precision: torch.dtype = torch.float32,
        lr_factor: LRFactor = one_lr,
        goal: Goal | None = None,
        batching: Batching | None = None,
        arrange: Callable[[Step], Step] | None = None,
        loads_ahead: bool | None = None,
    ) -> None:
        """Builds the optimizer and the schedule; touches no data.

        Args:
            model: ``model(batch)`` gives a LossSum.
            train_rows: what is learnt.
            eval_rows: what is scored; None: nothing.
            settings: lengths and portions.
            optim: kind of updates.
            lr: peak learning rate.
            placement: where the model lives.
            watcher: hears of steps, evaluations and checkpoints.
            precision: of the arithmetic; weights keep their type.
            lr_factor: what the rate is multiplied by for a parameter.
            goal: which evaluation is the best, and when to end early; None: the lowest loss, never.
            batching: how steps are divided; None: as the settings say, with nothing measured.
            arrange: from a planned step to one with the same rows in other micro-batches, within
                the same limits; a pure function. None: steps stay as they are planned.
            loads_ahead: whether a step's batches are made while the one before is computed; None:
                on a GPU, for a CPU has no time to spare.
        """
        self.model = model
        self.train_rows: Rows = train_rows
        self.settings = settings
        self.optim = optim
        self.placement = placement
        self.watcher = watcher
        self.passes = Passes(model, placement, precision)
        lengths = np.asarray(train_rows.lengths)
        self.batching = batching or fixed_batching(settings, lengths, placement.device.type)
        self.steps = Steps(lengths, settings, self.batching, arrange)
        self.n_steps = self.steps.total
        if self.batching.packs:
            self.train_rows = PackedRows(train_rows)
            eval_rows = None if eval_rows is None else PackedRows(eval_rows)
        self.parameters = trained_parameters(model)
        self.optimizer = build_optimizer(model, optim, lr, lr_factor)
        self.rate = lr_schedule(optim, lr, self.n_steps)
        self.progress = Progress(goal or Goal())
        self.portion = Portion(self.batching.limit, "training", unit=self.batching.unit)
        self.evaluator = Evaluator(self.passes, eval_rows, batch_size=settings.eval_batch_size)
        self.log_every = log_every(settings.log_every_steps, placement.device)
        self.ahead = Ahead(
            self._foreseen,
            self._host_batches,
            n_steps=self.n_steps,
            runs=placement.device.type == "cuda" if loads_ahead is None else loads_ahead,
        )
        self._unread: list[Taken] = []
        self._read_at = 0.0
        self._should_stop: Callable[[int], bool] = lambda step: False

    def fit(self, should_stop: Callable[[int], bool] = lambda step: False) -> Progress:
        """Trains to the end, until told to stop or until the goal's patience is at its end.

        A checkpoint is saved in all of these cases.

        An evaluation that is cut off is owed: a resumed run begins with it.

        Args:
            should_stop: asked with the number of the last step, after every step and before every
                batch of an evaluation.

        Raises:
            DivergedError: a loss or a gradient is no number; nothing of that step is saved. It is
                found at the next log point, which every evaluation and checkpoint is.
        """
        self._should_stop = should_stop
        try:
            return self._trained()
        finally:
            self.ahead.drop()

    def _trained(self) -> Progress:
        progress, should_stop = self.progress, self._should_stop
        self._unread.clear()
        owed = self.owes_evaluation
        stop = owed and not self._evaluate()
        saved_at = -1 if owed else progress.step
        self._read_at = time.perf_counter()
        while progress.step < self.n_steps and not (stop or progress.is_hopeless):
            self._unread.append(self._step(progress.step))
            progress.step += 1
            due = self._is_due(progress.step)
            if due or progress.step % self.log_every == 0:
                self._log()
            stop = (due and not self._evaluate()) or should_stop(progress.step)
            if due or stop:
                self._log()
                self.watcher.save(snapshot(self))
                saved_at = progress.step
                stop = stop or should_stop(progress.step)
                self._read_at = time.perf_counter()
        if saved_at != progress.step:
            self.watcher.save(snapshot(self))
        return progress

    @property
    def is_done(self) -> bool:
        """Whether every step and every evaluation was made."""
        is_over = self.progress.step >= self.n_steps or self.progress.is_hopeless
        return is_over and not self.owes_evaluation

    @property
    def owes_evaluation(self) -> bool:
        """Whether an evaluation belongs where the run stands, and was not made."""
        step, made = self.progress.step, self.progress.evaluations
        is_made = bool(made) and made[-1][0] == step
        is_wanted = self.evaluator.has_work and (step == 0 or self._is_due(step))
        return is_wanted and not is_made

    @property
    def rows_at_once(self) -> int:
        """Rows of the largest micro-batch that ran arranged, or else of the epoch's plan."""
        return self.steps.rows_at_once(self.progress.step, self.portion.size)

    def _is_due(self, step: int) -> bool:
        every = max(1, round(self.n_steps * self.settings.eval_every_fraction))
        # The end is always due; a point just before it would only double it.
        return step == self.n_steps or (step % every == 0 and self.n_steps - step > every // 2)

    def _foreseen(self, step: int) -> Step:
        """The micro-batches of a step as long as memory suffices as it does now."""
        return self.steps.divided(self.steps.micro_batches(step), self.portion.size)

    def _host_batches(self, parts: Step) -> list[Batch]:
        device = self.placement.device
        return [self.train_rows.batch(part).pinned(device) for part in parts]

    def _log(self) -> None:
        """Reads what the device found in the steps since the last time, and tells it."""
        if not self._unread:
            return
        steps, self._unread = read(self._unread), []
        # The host waited for the device only here: which step took how long is not known.
        seconds = (time.perf_counter() - self._read_at) / len(steps)
        for values in steps:
            require_finite(values, self.train_rows.places)
            self.watcher.step_done({**values, "seconds": seconds})
        self._read_at = time.perf_counter()

    def first_micro_batch(self, most: int | None = None) -> list[int]:
        """The rows that are learnt first; with ``most`` as many of them as that allows at once."""
        return self.steps.divided(self.steps.micro_batches(0), most or self.portion.size)[0]

    def _step(self, step: int) -> Taken:
        rows = self.steps.micro_batches(step)
        random = random_state()

        def undo() -> None:
            self.optimizer.zero_grad(set_to_none=True)
            restore_random_state(random)

        n_targets, total, sums, n_tokens = self.portion.run(
            max(self.batching.size(self.steps.lengths[micro]) for micro in rows),
            lambda most: self._accumulate(step, self.steps.divided(rows, most)),
            undo,
            least=max(self.batching.least(self.steps.lengths[micro]) for micro in rows),
        )
        self.steps.has_run(rows, self.portion.size)
        limit = self.optim.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), limit, foreach=True)
        lr = self.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_factor"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.n_tokens += n_tokens
        values = {
            "step": step + 1,
            "epoch": round((step + 1) / self.steps.per_epoch, 4),
            "loss": None,  # known when it is read; its place in the line is here
            "lr": lr,
            "grad_norm": None,
            "n_tokens": n_tokens,
            "n_targets": n_targets,
            "rows": [row for micro in rows for row in micro],
        }
        return Taken(values, total, norm, sums)

    def _accumulate(self, step: int, rows: Step) -> tuple[float, Tensor, Sums, int]:
        """Adds the gradients of a step's micro-batches up.

        Returns:
            Targets over all processes; the loss's sum and the other sums here; tokens here.
        """
        self.model.train()
        batches = self.passes.told(self.ahead.batches(step, rows))
        n_targets = self.placement.sum(sum(batch.n_targets for batch in batches))
        total = torch.zeros((), device=self.placement.device)
        sums = Sums()
        for batch in batches:
            loss = self.passes.forward(batch)
            (loss.total * (self.placement.world_size / n_targets)).backward()
            total += loss.total.detach()
            sums.add(loss.metrics)
        count(self.train_rows, batches)  # only now: a step that is made again counts once
        return n_targets, total, sums, sum(batch.n_tokens for batch in batches)

    def _evaluate(self) -> bool:
        """Evaluates the model; False where it was told to stop, and nothing was kept of it."""
        started = time.perf_counter()
        try:
            found = self.evaluator.evaluate(lambda: self._should_stop(self.progress.step))
        except Stopped:
            return False
        if not found:
            return True
        loss = found.get("eval_loss", 0.0)
        if self.progress.step and not math.isfinite(loss):
            raise DivergedError(
                f"step {self.progress.step}: the evaluation loss is {loss}. Nothing of this step "
                "is saved. Lower optim.lr."
            )
        if not self.progress.evaluations and self.evaluator.rows is not None:
            self.progress.goal.require(found)
        self.progress.evaluations.append((self.progress.step, found))
        seconds = time.perf_counter() - started
        self.watcher.evaluated({"step": self.progress.step, **found, "seconds": seconds})
        return True
