"""Resume: what makes a run the run it is, and going on with it only where that is unchanged."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import RunError
from tunesmith.core.runs import Run
from tunesmith.model.source import weights_fingerprint
from tunesmith.pipelines.prepare import Prepared
from tunesmith.pipelines.start import adapter_folder
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.training.loop import Trainer

LIBRARIES = ("tunesmith", "torch", "transformers", "peft", "safetensors", "tokenizers", "numpy")
WATCHED_BY = ("max_new_tokens", "metrics", "roads", "forgetting")
"""What of ``evaluate`` decides the figures that a run finds while it goes."""
SAME_ON_RESUME = ("model", "template", "task", "method", "objective", "optim", "train")


def versions() -> dict[str, str]:
    """Versions of everything that can change a result."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def run_identity(recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
    """What must be the same for a resume."""
    weights = (
        weights_fingerprint(prepared.folder)
        if recipe.model.init == "pretrained"
        else f"random from seed {recipe.train.seed}"
    )
    settled = recipe.model_copy(update={"task": prepared.task})
    fields = settled.model_dump(mode="json")
    adapter = adapter_folder(recipe)
    started = {} if adapter is None else {"adapter": weights_fingerprint(adapter)}
    return {
        "hashes": {**prepared.identity(), "weights": weights, **started},
        "recipe": {
            **{key: fields[key] for key in SAME_ON_RESUME},
            "evaluate": {key: fields["evaluate"][key] for key in WATCHED_BY},
        },
    }


def restore(run: Run, trainer: Trainer, identity: dict[str, Any]) -> bool:
    """Takes the newest verified checkpoint up.

    Returns:
        False where there is none yet.

    Raises:
        RunError: recipe, data or weights are not those it was made with; names every difference.
    """
    from tunesmith.training.checkpoint import load_checkpoint, newest_checkpoint

    place, notes = newest_checkpoint(run.checkpoints)
    for note in notes:
        print(note, file=sys.stderr)
    if place is None:
        print(f"{run.path}: no checkpoint yet; the run starts at step 0.", file=sys.stderr)
        return False
    checkpoint = load_checkpoint(place)
    changes = _changes(checkpoint.state["identity"], identity)
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise RunError(
            f"{run.path}: this is not the run that was begun here:\n{listed}\n"
            "Put it back as it was, or start a new run with out=..."
        )
    trainer.restore(checkpoint)
    print(f"resumed at step {trainer.progress.step} of {trainer.n_steps}", file=sys.stderr)
    return True


def _changes(before: dict[str, Any], now: dict[str, Any], at: str = "") -> list[str]:
    """Every leaf that differs between two nested mappings, as ``key: before -> now``."""
    found: list[str] = []
    for key in sorted({*before, *now}):
        a, b, path = before.get(key), now.get(key), f"{at}.{key}" if at else key
        if isinstance(a, dict) and isinstance(b, dict):
            found += _changes(a, b, path)
        elif a != b:
            name = path.removeprefix("recipe.").replace("hashes.", "hash of ")
            found.append(f"{name}: {_short(a)} -> {_short(b)}")
    return found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:12] + "..." if len(text) > 40 else text
