"""Snapshot: a trainer's whole state as a checkpoint, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tunesmith.core.errors import DivergedError, RunError
from tunesmith.training.checkpoint import Checkpoint, random_state, restore_random_state
from tunesmith.training.optim import optimizer_state, restore_optimizer_state
from tunesmith.training.progress import Progress

if TYPE_CHECKING:
    from tunesmith.training.fit import Portion
    from tunesmith.training.loop import Trainer


def snapshot(trainer: Trainer) -> Checkpoint:
    """Everything needed to go on exactly from here; the tensors are the trainer's own.

    Raises:
        DivergedError: the last update left a weight that is no number.
    """
    progress, parameters = trainer.progress, trainer.parameters
    # Asked of all at once, so that the device is waited for once.
    sound = torch.stack([p.isfinite().all() for p in parameters.values()]).tolist()
    bad = next((name for name, ok in zip(parameters, sound, strict=True) if not ok), None)
    if bad is not None:
        raise DivergedError(
            f"step {progress.step}: {bad} holds a weight that is no number. Nothing of this step "
            "is saved. Lower optim.lr."
        )
    state = trainer.optimizer.state
    return Checkpoint(
        weights={name: parameter.data for name, parameter in parameters.items()},
        optimizer=optimizer_state(trainer.optimizer, parameters),
        random=random_state(),
        state={
            "step": progress.step,
            "n_tokens": progress.n_tokens,
            "portions": {
                portion.work: {"size": portion.size, "of": of} for portion, of in _portions(trainer)
            },
            "batching": trainer.batching.as_dict(),
            "evaluations": progress.evaluations,
            "best_step": progress.best[0] if progress.best else None,
            # Weights that no gradient has reached have nothing for the optimizer to keep.
            "unmoved": sorted(name for name, p in parameters.items() if not state.get(p)),
        },
    )


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Takes a trainer back to a checkpoint.

    Raises:
        RunError: it is of another set of trained weights, or lacks optimizer or random state.
    """
    restore_random_state(checkpoint.random)
    restore_weights(trainer.parameters, checkpoint)
    state = checkpoint.state
    restore_optimizer_state(
        trainer.optimizer, trainer.parameters, checkpoint.optimizer, state["unmoved"]
    )
    for portion, of in _portions(trainer):
        before = state["portions"][portion.work]
        # The same portions as before, so that the same numbers are added in the same order; but
        # where a setting was changed, it is what counts.
        if before["of"] == of:
            portion.size = before["size"]
    trainer.progress = Progress(
        trainer.progress.goal,
        state["step"],
        state["n_tokens"],
        [(step, found) for step, found in state["evaluations"]],
    )


def _portions(trainer: Trainer) -> list[tuple[Portion, list[Any]]]:
    """Each portion, and what it was made of."""
    batching = trainer.batching
    return [
        (trainer.portion, [batching.packs, batching.rows_at_once, batching.tokens_at_once]),
        (trainer.evaluator.portion, [trainer.settings.eval_batch_size]),
    ]


@torch.no_grad()
def restore_weights(parameters: Mapping[str, nn.Parameter], checkpoint: Checkpoint) -> None:
    """Puts the trained weights of a checkpoint in place.

    Raises:
        RunError: it is of another set of trained weights.
    """
    if set(checkpoint.weights) != set(parameters):
        other = sorted(set(checkpoint.weights) ^ set(parameters))
        raise RunError(
            f"the checkpoint trains other weights than this recipe, {other[0]!r} for one. "
            "Resume with the recipe it was made with."
        )
    for name, parameter in parameters.items():
        saved = checkpoint.weights[name]
        if saved.shape != parameter.shape:
            raise RunError(
                f"the checkpoint has {name!r} in the shape {list(saved.shape)}, this recipe in "
                f"{list(parameter.shape)}. Resume with the recipe it was made with."
            )
        parameter.copy_(saved)
