"""Trainer: the one loop. It knows batches and loss sums, and nothing of tasks or methods."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tunesmith.core.errors import DivergedError, RunError
from tunesmith.model.batch import Batch, LossSum
from tunesmith.training.checkpoint import Checkpoint, random_state, restore_random_state
from tunesmith.training.evaluation import (
    Rows,
    Scorer,
    Sums,
    evaluate_rows,
    measured,
    with_figures,
)
from tunesmith.training.fit import Portion, divide
from tunesmith.training.goal import Goal
from tunesmith.training.optim import (
    LRFactor,
    build_optimizer,
    lr_schedule,
    one_lr,
    optimizer_state,
    restore_optimizer_state,
    trained_parameters,
)
from tunesmith.training.packed_rows import PackedRows
from tunesmith.training.placement import SingleDevice, autocast
from tunesmith.training.plan import Step, n_steps, packed_room, plan_epoch
from tunesmith.training.progress import Progress, Watcher
from tunesmith.training.settings import Optim, Train


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
        """
        self.model = model
        self.train_rows: Rows = train_rows
        self.eval_rows: Rows | None = eval_rows
        self.settings = settings
        self.optim = optim
        self.placement = placement
        self.watcher = watcher
        self.precision = precision
        self.scorers: Sequence[Scorer] = ()
        self.n_steps = n_steps(
            len(train_rows.lengths),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            max_steps=settings.max_steps,
        )
        self.steps_per_epoch = math.ceil(len(train_rows.lengths) / settings.batch_size)
        self.tokens_per_row: int | None = None
        if settings.packing:
            self.tokens_per_row = packed_room(
                train_rows.lengths, settings.tokens_per_row, settings.rows_at_once
            )
            self.train_rows = PackedRows(train_rows)
            self.eval_rows = None if eval_rows is None else PackedRows(eval_rows)
        self.parameters = trained_parameters(model)
        self.optimizer = build_optimizer(model, optim, lr, lr_factor)
        self.rate = lr_schedule(optim, lr, self.n_steps)
        self.progress = Progress(goal or Goal())
        # A packed line has as many rows as have room in it.
        most = settings.batch_size if settings.packing else settings.rows_at_once
        self.portion = Portion(most, "training")
        self.eval_portion = Portion(settings.eval_batch_size, "evaluation")
        self._plan: tuple[int, list[Step]] | None = None
        self._should_stop: Callable[[int], bool] = lambda step: False

    def fit(self, should_stop: Callable[[int], bool] = lambda step: False) -> Progress:
        """Trains to the end, until told to stop or until the goal's patience is at its end.

        A checkpoint is saved in all of these cases.

        An evaluation that is cut off is owed: a resumed run begins with it.

        Args:
            should_stop: asked with the number of the last step, after every step and before every
                batch of an evaluation.

        Raises:
            DivergedError: a loss or a gradient is no number; nothing of that step is saved.
        """
        progress, self._should_stop = self.progress, should_stop
        owed = self.owes_evaluation
        stop = owed and not self._evaluate()
        saved_at = -1 if owed else progress.step
        while progress.step < self.n_steps and not (stop or progress.is_hopeless):
            started = time.perf_counter()
            values = self._step(progress.step)
            progress.step += 1
            values["seconds"] = time.perf_counter() - started
            self.watcher.step_done(values)
            due = self._is_due(progress.step)
            stop = (due and not self._evaluate()) or should_stop(progress.step)
            if due or stop:
                self.watcher.save(self.checkpoint())
                saved_at = progress.step
                stop = stop or should_stop(progress.step)
        if saved_at != progress.step:
            self.watcher.save(self.checkpoint())
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
        has_rows = self.eval_rows is not None and len(self.eval_rows.lengths) > 0
        is_made = bool(made) and made[-1][0] == step
        is_wanted = has_rows or bool(self.scorers)
        return is_wanted and not is_made and (step == 0 or self._is_due(step))

    def _is_due(self, step: int) -> bool:
        every = max(1, round(self.n_steps * self.settings.eval_every_fraction))
        # The end is always due; a point just before it would only double it.
        return step == self.n_steps or (step % every == 0 and self.n_steps - step > every // 2)

    def _micro_batches(self, step: int) -> Step:
        """The rows of a step: a pure function of its number."""
        epoch, row = divmod(step, self.steps_per_epoch)
        if self._plan is None or self._plan[0] != epoch:
            plan = plan_epoch(
                self.train_rows.lengths,
                batch_size=self.settings.batch_size,
                micro_batch_size=self.settings.rows_at_once,
                seed=self.settings.seed,
                epoch=epoch,
                shuffle=self.settings.shuffle,
                group_by_length=self.settings.length_grouping,
                tokens_per_row=self.tokens_per_row,
            )
            self._plan = (epoch, plan)
        return self._plan[1][row]

    def _step(self, step: int) -> dict[str, Any]:
        rows = self._micro_batches(step)
        random = random_state()

        def undo() -> None:
            self.optimizer.zero_grad(set_to_none=True)
            restore_random_state(random)

        n_targets, total, sums, n_tokens = self.portion.run(
            max(map(len, rows)), lambda most: self._accumulate(divide(rows, most)), undo
        )
        limit = self.optim.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), limit, foreach=True)
        lr = self.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_factor"]
        loss_mean, grad_norm = float(total) / n_targets, float(norm)
        if not (math.isfinite(loss_mean) and math.isfinite(grad_norm)):
            self._stop_diverged(step, rows, loss_mean, grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.n_tokens += n_tokens
        return {
            "step": step + 1,
            "epoch": round((step + 1) / self.steps_per_epoch, 4),
            "loss": loss_mean,
            "lr": lr,
            "grad_norm": grad_norm,
            "n_tokens": n_tokens,
            "n_targets": n_targets,
            "rows": [row for micro in rows for row in micro],
            **sums.means(),
        }

    def _accumulate(self, rows: Step) -> tuple[float, Tensor, Sums, int]:
        """Adds the gradients of a step's micro-batches up.

        Returns:
            Targets over all processes; the loss's sum and the other sums here; tokens here.
        """
        figures = self._figures(self.train_rows, rows)
        self.model.train()
        batches = [with_figures(self.train_rows.batch(micro), figures) for micro in rows]
        n_targets = self.placement.sum(sum(batch.n_targets for batch in batches))
        total = torch.zeros((), device=self.placement.device)
        sums = Sums()
        for batch in batches:
            loss = self._forward(batch)
            (loss.total * (self.placement.world_size / n_targets)).backward()
            total += loss.total.detach()
            sums.add(loss.metrics)
        return n_targets, total, sums, sum(batch.n_tokens for batch in batches)

    def _forward(self, batch: Batch) -> LossSum:
        with self._arithmetic():
            return self.model(batch.to(self.placement.device))

    def _arithmetic(self) -> AbstractContextManager[Any]:
        return autocast(self.placement.device, self.precision)

    def _figures(self, source: Rows, rows: Step) -> dict[str, Tensor]:
        """What a loss needs to know of all its rows together, by name; for most, nothing."""
        if not getattr(self.model, "measures", False):
            return {}
        self.model.eval()  # what is measured has no noise of dropout
        return measured(source, rows, self._measure, self.placement)

    def _measure(self, batch: Batch) -> LossSum:
        with self._arithmetic():
            return self.model(batch.to(self.placement.device), measure=True)

    def _stop_diverged(self, step: int, rows: Step, loss: float, grad_norm: float) -> None:
        places = self.train_rows.places([row for micro in rows for row in micro])
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {grad_norm}"
        raise DivergedError(
            f"step {step + 1}: {what}. Nothing of this step is saved. Its rows: "
            f"{', '.join(places[:8])}{' ...' if len(places) > 8 else ''}. "
            "Lower optim.lr, or look at these rows with: tunesmith data preview"
        )

    def _evaluate(self) -> bool:
        """Evaluates the model; False where it was told to stop, and nothing was kept of it."""
        started = time.perf_counter()
        try:
            found = self._evaluation()
        except _Stopped:
            return False
        if not found:
            return True
        loss = found.get("eval_loss", 0.0)
        if self.progress.step and not math.isfinite(loss):
            raise DivergedError(
                f"step {self.progress.step}: the evaluation loss is {loss}. Nothing of this step "
                "is saved. Lower optim.lr."
            )
        if not self.progress.evaluations and self.eval_rows is not None:
            self.progress.goal.require(found)
        self.progress.evaluations.append((self.progress.step, found))
        seconds = time.perf_counter() - started
        self.watcher.evaluated({"step": self.progress.step, **found, "seconds": seconds})
        return True

    def _evaluation(self) -> dict[str, float]:
        """What the model is worth now; where a figure has two sources, all held-out rows count."""
        self.model.eval()
        found: dict[str, float] = {}
        held_out = self.eval_rows
        if held_out is not None and len(held_out.lengths):
            loss, means = self.eval_portion.run(
                len(held_out.lengths),
                lambda most: evaluate_rows(
                    held_out, self._forward_or_stop, batch_size=most, figures=self._figures
                ),
                lambda: None,
            )
            is_likelihood = getattr(self.model, "is_likelihood", True)
            perplexity = {"perplexity": math.exp(min(loss, 700.0))} if is_likelihood else {}
            found = {"eval_loss": loss, **perplexity, **means}
        # Whatever a scorer draws, training goes on with the numbers it would have had.
        before = random_state()
        if self.scorers and self._should_stop(self.progress.step):
            raise _Stopped
        with torch.no_grad():
            for scorer in self.scorers:
                found = {**found, **{k: v for k, v in scorer.score().items() if k not in found}}
        restore_random_state(before)
        return found

    def _forward_or_stop(self, batch: Batch) -> LossSum:
        if self._should_stop(self.progress.step):
            raise _Stopped
        return self._forward(batch)

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on exactly from here.

        Raises:
            DivergedError: the last update left a weight that is no number.
        """
        bad = next((n for n, p in self.parameters.items() if not p.isfinite().all()), None)
        if bad is not None:
            raise DivergedError(
                f"step {self.progress.step}: {bad} holds a weight that is no number. Nothing of "
                "this step is saved. Lower optim.lr."
            )
        return Checkpoint(
            weights={name: parameter.data for name, parameter in self.parameters.items()},
            optimizer=optimizer_state(self.optimizer, self.parameters),
            random=random_state(),
            state={
                "step": self.progress.step,
                "n_tokens": self.progress.n_tokens,
                "rows_at_once": [self.portion.n_rows, self.eval_portion.n_rows],
                "evaluations": self.progress.evaluations,
                "best_step": self.progress.best[0] if self.progress.best else None,
                # Weights that no gradient has reached have nothing for the optimizer to keep.
                "unmoved": sorted(
                    name for name, p in self.parameters.items() if not self.optimizer.state.get(p)
                ),
            },
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes back to a checkpoint.

        Raises:
            RunError: it is of another set of trained weights, or lacks optimizer or random state.
        """
        restore_random_state(checkpoint.random)
        self.restore_weights(checkpoint)
        unmoved = checkpoint.state["unmoved"]
        restore_optimizer_state(self.optimizer, self.parameters, checkpoint.optimizer, unmoved)
        # The same portions as before, so that the same numbers are added in the same order.
        self.portion.n_rows, self.eval_portion.n_rows = checkpoint.state["rows_at_once"]
        self.progress = Progress(
            self.progress.goal,
            checkpoint.state["step"],
            checkpoint.state["n_tokens"],
            [(step, found) for step, found in checkpoint.state["evaluations"]],
        )

    @torch.no_grad()
    def restore_weights(self, checkpoint: Checkpoint) -> None:
        """Puts the trained weights of a checkpoint in place.

        Raises:
            RunError: it is of another set of trained weights.
        """
        if set(checkpoint.weights) != set(self.parameters):
            other = sorted(set(checkpoint.weights) ^ set(self.parameters))
            raise RunError(
                f"the checkpoint trains other weights than this recipe, {other[0]!r} for one. "
                "Resume with the recipe it was made with."
            )
        for name, parameter in self.parameters.items():
            saved = checkpoint.weights[name]
            if saved.shape != parameter.shape:
                raise RunError(
                    f"the checkpoint has {name!r} in the shape {list(saved.shape)}, this recipe in "
                    f"{list(parameter.shape)}. Resume with the recipe it was made with."
                )
            parameter.copy_(saved)


class _Stopped(Exception):
    """An evaluation was told to stop."""
