"""Outcome: what a run came to, for its summary: what was the best, why it ended, what it cost."""

from __future__ import annotations

from typing import Any

from tunesmith.evaluation.settings import FORGETTING, Evaluate
from tunesmith.training.progress import Progress


def outcome(progress: Progress, n_steps: int, kept_step: int, evaluate: Evaluate) -> dict[str, Any]:
    """The part of a run's summary that its evaluations tell.

    Args:
        progress: of the finished run.
        n_steps: steps it would have had without an early end.
        kept_step: step of the weights that became the artefact.
        evaluate: how it was evaluated.
    """
    losses = [loss for _, loss in progress.eval_losses]
    best = progress.best
    model = dict(progress.evaluations).get(kept_step, {})
    return {
        "stopped": _why(progress, n_steps),
        "best_metric": progress.goal.metric,
        "best_step": best[0] if best else None,
        "best_value": best[1] if best else None,
        "model_step": kept_step,
        "model_values": model,
        "eval_loss_first": losses[0] if losses else None,
        "eval_loss_best": min(losses) if losses else None,
        "eval_loss_model": model.get("eval_loss"),
        "forgetting": _forgetting(progress, kept_step, evaluate),
    }


def _why(progress: Progress, n_steps: int) -> str:
    goal = progress.goal
    if progress.step == n_steps and not progress.is_hopeless:
        return f"as planned, after {n_steps} steps"
    waited = goal.n_without_gain(progress.evaluations)
    more = f" by more than {goal.min_delta:g}" if goal.min_delta else ""
    return (
        f"early, after {progress.step} of {n_steps} steps: {goal.metric} did not improve{more} in "
        f"{waited} evaluation{'s' if waited > 1 else ''}"
    )


def _forgetting(progress: Progress, kept_step: int, evaluate: Evaluate) -> dict[str, Any] | None:
    values = dict(progress.values(FORGETTING))
    if not values or kept_step not in values:
        return None
    first = min(values)
    before, after = values[first], values[kept_step]
    rise = after / before - 1
    warning = None
    if rise > evaluate.forgetting_limit:
        warning = (
            f"the model lost some of what it knew: its perplexity on general text rose from "
            f"{before:.2f} to {after:.2f} ({rise:+.0%}; the limit is "
            f"{evaluate.forgetting_limit:.0%}). Lower optim.lr or train.epochs, or mix general "
            "rows into the data."
        )
    return {
        "text": evaluate.forgetting,
        "perplexity_before": before,
        "perplexity_after": after,
        "rise": rise,
        "warning": warning,
    }
