"""Resume: what makes a run the run it is, and going on with it only where that is unchanged."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import RunError, did_you_mean
from tunesmith.core.runs import LOCK, METRICS, RECIPE, SAMPLES, TIMES, Run
from tunesmith.evaluation.metrics.chosen import own_hashes
from tunesmith.model.source import config_fingerprint, read_config, weights_fingerprint
from tunesmith.pipelines.begun_recipe import with_new_keys
from tunesmith.pipelines.circumstances import circumstances, difference
from tunesmith.pipelines.prepare import Prepared
from tunesmith.pipelines.reference import MARKER
from tunesmith.pipelines.start import adapter_folder
from tunesmith.pipelines.trunk_cache import RECORD
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.training.loop import Trainer

LIBRARIES = ("tunesmith", "torch", "transformers", "peft", "safetensors", "tokenizers", "numpy")
WATCHED_BY = ("max_new_tokens", "metrics", "roads", "length_normalised", "forgetting")
"""What of ``evaluate`` decides the figures that a run finds while it goes."""
SAME_ON_RESUME = ("model", "template", "task", "method", "objective", "optim", "train")
SEEN_THROUGH = {"data": ("token_ids",), "template": ("token_ids",), "tokenizer": ("token_ids",)}
"""What else changes with a thing that may change: the token ids that are made of it."""
CHANGES_EVALUATION = {
    "data", "template", "tokenizer", "task", "objective", "evaluate", "weights", "config",
    "adapter",
}  # fmt: skip
CONFIG = "config"
REFERENCE = "reference"
"""Figures of the reference model; known only when the model is there, so they are compared last."""
CHANGEABLE = sorted({*SAME_ON_RESUME, *CHANGES_EVALUATION})
"""What ``--allow-changed`` takes. The number of processes is not among it."""


@dataclass(frozen=True)
class ResumePoint:
    """A verified checkpoint to go on from.

    Attributes:
        place: its folder.
        step: steps done in it.
        changes: what is different now, as ``key: before -> now``; all of it was allowed.
        keeps_evaluations: whether earlier evaluations can be compared with later ones.
        batching: how steps were divided.
    """

    place: Path
    step: int
    changes: tuple[str, ...]
    keeps_evaluations: bool
    batching: dict[str, Any]


def versions() -> dict[str, str]:
    """Versions of everything that can change a result."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def run_identity(recipe: Recipe, prepared: Prepared, *, world_size: int = 1) -> dict[str, Any]:
    """What must be the same for a resume, and ``circumstances``, whose change is only told.

    Args:
        recipe: the whole of it.
        prepared: its data, template and tokenizer.
        world_size: processes that train together.
    """
    weights = (
        weights_fingerprint(prepared.folder)
        if recipe.model.init == "pretrained"
        else f"random from seed {recipe.train.seed}"
    )
    settled = recipe.model_copy(update={"task": prepared.task})
    fields = settled.model_dump(mode="json")
    adapter = adapter_folder(recipe)
    started = {} if adapter is None else {"adapter": weights_fingerprint(adapter)}
    own = own_hashes(recipe.evaluate.metrics or ())  # a broken one is known before any step
    watched = {"metrics": own} if own and recipe.train.score_rows else {}
    return {
        "hashes": {
            **prepared.identity(),
            "weights": weights,
            CONFIG: config_fingerprint(read_config(prepared.folder)),
            **started,
            **watched,
        },
        "recipe": {
            **{key: fields[key] for key in SAME_ON_RESUME},
            "evaluate": {key: fields["evaluate"][key] for key in WATCHED_BY},
        },
        "world_size": world_size,
        "circumstances": circumstances(),
    }


def require_changeable(names: Sequence[str]) -> None:
    """Checks what a user allows to change.

    Raises:
        RunError: there is no such thing.
    """
    for name in names:
        if name not in CHANGEABLE:
            raise RunError(f"--allow-changed {name}: {did_you_mean(name, CHANGEABLE)}")


def resume_point(
    run: Run, identity: dict[str, Any], allowed: Collection[str] = ()
) -> ResumePoint | None:
    """Finds the newest verified checkpoint, and compares its run with the present one.

    Args:
        run: the directory.
        identity: of the present run.
        allowed: what may be different, of ``CHANGEABLE``.

    Returns:
        None where no checkpoint was ever finished.

    Raises:
        RunError: every checkpoint is damaged, or something else than what is allowed is different;
            names every difference.
    """
    from tunesmith.training.checkpoint import damaged_checkpoints, load_state, newest_checkpoint

    place, notes = newest_checkpoint(run.checkpoints)
    for note in notes:
        run.note(note)
    damaged = damaged_checkpoints(run.checkpoints)
    if place is None and damaged:
        raise RunError(
            f"{run.path}: every checkpoint is damaged ({', '.join(damaged)}), so there is nothing "
            f"to go on from. Put one back from a copy, or delete {run.checkpoints} to start at "
            "step 0."
        )
    if place is None:
        run.note(f"{run.path}: no checkpoint yet; the run starts at step 0.")
        return None
    state = load_state(place)
    changes = [pair for pair in _changes(state["identity"], identity) if pair[0] != REFERENCE]
    refused = [text for name, text in changes if not _is_allowed(name, allowed)]
    if refused:
        listed = "\n".join(f"  {change}" for change in refused)
        names = sorted({name for name, _ in changes} & set(CHANGEABLE))
        raise RunError(
            f"{run.path}: this is not the run that was begun here:\n{listed}\n"
            "Put it back as it was, or start a new run with out=..."
            + (f" To go on all the same: {_options(names)}" if names else "")
        )
    for what in _not_known(state["identity"], identity):
        run.note(f"{run.path}: {what}")
    return ResumePoint(
        place,
        int(state["step"]),
        tuple(text for _, text in changes),
        not CHANGES_EVALUATION & {name for name, _ in changes},
        state["batching"],
    )


def _not_known(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What does not keep a run from going on, and is told."""
    if CONFIG not in before["hashes"]:
        yield (
            "an older version began it, which did not note the model's config.json; whether that "
            "is as it was cannot be told."
        )
    if told := difference(before.get("circumstances"), now["circumstances"]):
        yield told


def record_changes(run: Run, point: ResumePoint, identity: dict[str, Any], recipe: Recipe) -> None:
    """Says what is different from now on, and keeps it and the recipe that was left."""
    lock = run.read(LOCK)
    earlier = f"recipe.until-step-{point.step:08d}.yaml"
    run.write_text(earlier, (run.path / RECIPE).read_text("utf-8"))
    entry = {"after_step": point.step, "changes": list(point.changes), "recipe_before": earlier}
    changed = [*lock.get("changed", []), entry]
    run.write(LOCK, {**lock, **identity["hashes"], "versions": versions(), "changed": changed})
    run.write_text(RECIPE, recipe.to_yaml())
    (run.path / MARKER).unlink(missing_ok=True)  # a reference model's figures are made anew
    (run.path / RECORD).unlink(missing_ok=True)  # and so is what was decided of frozen layers
    listed = "\n".join(f"  {change}" for change in point.changes)
    run.note(
        f"{run.path}: after step {point.step} this is another run than the one that was begun, as "
        f"was allowed:\n{listed}\nIt is kept in {LOCK}, and the recipe so far in {earlier}."
        + ("" if point.keeps_evaluations else "\nEarlier evaluations no longer count for the best.")
    )


def restore(run: Run, trainer: Trainer, point: ResumePoint, identity: dict[str, Any]) -> None:
    """Puts a trainer where a checkpoint was made.

    Args:
        run: the directory.
        trainer: as it starts.
        point: where to go on.
        identity: of the present run, with what is only known since the model is loaded.

    Raises:
        RunError: the checkpoint lacks something, or trains other weights.
    """
    from tunesmith.training import snapshot
    from tunesmith.training.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(point.place)
    if not point.changes:
        _require_reference(run, checkpoint.state["identity"], identity)
    snapshot.restore(trainer, checkpoint)
    if not point.keeps_evaluations:
        trainer.progress.evaluations.clear()
    if trainer.owes_evaluation:
        # It is made again, and would stand twice in the log.
        for name in (METRICS, TIMES, SAMPLES):
            _take_back_evaluation(run, name, point.step)
    run.note(f"resumed at step {trainer.progress.step} of {trainer.n_steps}")


def _require_reference(run: Run, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name, text in _changes(before, now):
        if name == REFERENCE:
            raise RunError(
                f"{run.path}: the reference model's figures are not those it was begun with "
                f"({text}). Put reference.safetensors and reference.json back, or start a new run "
                "with out=..."
            )


def _take_back_evaluation(run: Run, name: str, step: int) -> None:
    file = run.path / name
    if not file.is_file():
        return
    kept: list[str] = []
    for line in file.read_text("utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            continue  # a crash can leave half a last line
        entry = json.loads(line)
        if entry["step"] != step or entry.get("kind") == "train":
            kept.append(line)
    run.write_text(name, "".join(kept))


def _is_allowed(name: str, allowed: Collection[str]) -> bool:
    return name in allowed or any(name in SEEN_THROUGH.get(one, ()) for one in allowed)


def _options(names: Sequence[str]) -> str:
    return " ".join(f"--allow-changed {name}" for name in names)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str]]:
    """What differs between two identities: what it belongs to, and ``key: before -> now``."""
    found = [
        (name, f"hash of {name}: {_short(a)} -> {_short(b)}")
        for name, a, b in _leaves(before["hashes"], now["hashes"])
        if name != CONFIG or a is not None  # older versions did not note it
    ]
    found += [
        (key.partition(".")[0], f"{key}: {_short(a)} -> {_short(b)}")
        for key, a, b in _leaves(with_new_keys(before["recipe"], now["recipe"]), now["recipe"])
    ]
    a, b = before.get("world_size", 1), now["world_size"]
    return found if a == b else [*found, ("world_size", f"number of processes: {a} -> {b}")]


def _leaves(
    before: dict[str, Any], now: dict[str, Any], at: str = ""
) -> list[tuple[str, Any, Any]]:
    """Every leaf that differs between two nested mappings."""
    found: list[tuple[str, Any, Any]] = []
    for key in sorted({*before, *now}):
        a, b, path = before.get(key), now.get(key), f"{at}.{key}" if at else key
        if isinstance(a, dict) and isinstance(b, dict):
            found += _leaves(a, b, path)
        elif a != b:
            found.append((path, a, b))
    return found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:12] + "..." if len(text) > 40 else text
