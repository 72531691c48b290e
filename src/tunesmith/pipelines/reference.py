"""Reference: log-probabilities of the model before its first update, computed once and kept."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.runs import Run
from tunesmith.pipelines.share import sharing_for
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from tunesmith.model.task_model import TaskModel
    from tunesmith.objectives.objective import Objective
    from tunesmith.tasks.preference_rows import PreferenceRows
    from tunesmith.training.sharing import Sharing

    Known = dict[str, dict[str, Tensor]]

TENSORS, MARKER = "reference.safetensors", "reference.json"
"""``reference.json`` holds the other's SHA-256 and is written last."""


def annotate(
    recipe: Recipe,
    model: TaskModel,
    rows: dict[str, Any],
    run: Run | None,
    arithmetic: Callable[[], AbstractContextManager[Any]],
    others: dict[str, Known] | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Rows with what the reference model says of them, where the objective asks for it.

    The policy as it starts is the reference, in evaluation mode, so that no second model is held.

    Args:
        recipe: the whole of it.
        model: untrained.
        rows: by split.
        run: keeps the figures, and gives them back where it has them; None: nothing is kept.
        arithmetic: context of the computation, as training has it.
        others: figures that other runs of this process found, by what they depend on; grows.
        key: what those of this run depend on.
    """
    objective = recipe.loss
    if not (objective.needs_reference or objective.needs_mismatched):
        return rows
    found: dict[str, PreferenceRows] = dict(rows)
    if objective.needs_mismatched:
        found = {name: split.mismatched(recipe.train.seed) for name, split in found.items()}
    if not objective.needs_reference:
        return found
    known = None if run is None else _kept(run, found)
    if known is None and others is not None and key in others:
        known = others[key]
        if run is not None:
            _keep(run, known)
    if known is None:
        from tunesmith.training.fit import Portion

        portion = Portion(recipe.train.eval_batch_size, "the reference model")
        with arithmetic():
            config, device = model.model.config.to_dict(), next(model.parameters()).device.type
            sharing = sharing_for(recipe, config, is_trained=False, device=device)
            known = {
                name: portion.run(
                    len(split.lengths),
                    partial(reference_logps, model, objective, split, sharing=sharing),
                    lambda: None,
                )
                for name, split in found.items()
            }
        if run is not None:
            _keep(run, known)
    if others is not None:
        others[key] = known
    return {name: split.with_reference(known[name]) for name, split in found.items()}


def reference_logps(
    model: TaskModel,
    objective: Objective,
    rows: PreferenceRows,
    n_at_once: int,
    *,
    sharing: Sharing | None = None,
) -> dict[str, Tensor]:
    """Log-probabilities of all answers, and of mismatched ones where rows have them.

    Args:
        model: the reference; is left in evaluation mode.
        objective: says what it compares of an answer.
        rows: R answers.
        n_at_once: pairs or single answers of one pass.
        sharing: which prefixes of theirs are computed once; None: none.

    Returns:
        Name -> [R] float32 on the host, as ``PreferenceRows.with_reference`` takes them.
    """
    import torch

    from tunesmith.objectives.answers import answer_logps
    from tunesmith.training.shared_rows import shared

    model.eval()
    n_answers = len(rows.split)
    kinds = ("answers",) if rows.partners is None else ("answers", "mismatched")
    found = {kind: torch.zeros(n_answers) for kind in kinds}
    device = next(model.parameters()).device
    order = sorted(range(len(rows.lengths)), key=lambda row: -rows.lengths[row])
    with torch.no_grad():
        for start in range(0, len(order), n_at_once):
            part = order[start : start + n_at_once]
            whole = rows.batch(part)
            whole = (whole if sharing is None else shared(whole, sharing)).to(device)
            for kind, batch in zip(kinds, (whole, whole.beside), strict=False):
                assert batch is not None
                answers = answer_logps(model.states(batch), model.head, batch.targets)
                found[kind][rows.answers(part)] = objective.weighed(answers).float().cpu()
    return found


def reference_hash(run: Run) -> dict[str, str]:
    """What identifies the figures a run compares with; nothing where it has none."""
    file = run.path / MARKER
    return {"reference": run.read(MARKER)["sha256"]} if file.is_file() else {}


def _keep(run: Run, known: Known) -> None:
    from safetensors.torch import save_file

    flat = {f"{split}/{kind}": t for split, kinds in known.items() for kind, t in kinds.items()}
    draft = run.path / f".{TENSORS}.draft"
    save_file(flat, draft)
    draft.rename(run.path / TENSORS)
    run.write(MARKER, {"sha256": _sha256(run.path / TENSORS)})


def _kept(run: Run, rows: dict[str, PreferenceRows]) -> Known | None:
    """The figures of a run that was begun; None where there are none, or damaged ones."""
    from safetensors.torch import load_file

    file = run.path / TENSORS
    try:
        expected = json.loads((run.path / MARKER).read_text("utf-8"))["sha256"]
        if _sha256(file) != expected:
            print(f"{file}: damaged; its figures are computed again.", file=sys.stderr)
            return None
    except (OSError, ValueError, KeyError):
        return None
    known: Known = {}
    for key, tensor in load_file(file).items():
        split, _, kind = key.partition("/")
        known.setdefault(split, {})[kind] = tensor
    fits = known.keys() == rows.keys() and all(
        len(known[name]["answers"]) == len(split.split) for name, split in rows.items()
    )
    return known if fits else None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
