"""Trunk cache: states of frozen layers, computed once for each row and used ever after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.errors import RecipeError, RunError
from tunesmith.core.runs import Run
from tunesmith.pipelines.room import checkpoints_to_come
from tunesmith.pipelines.trunk_states import Wanted, Work, states_for, type_name
from tunesmith.training.plan import n_steps
from tunesmith.training.settings import Train
from tunesmith.training.trunk_cost import Load, n_passes, worth_keeping

if TYPE_CHECKING:
    import torch

    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.activations import Activations, Layout
    from tunesmith.training.cached_rows import Unit

RECORD = "trunk-cache.json"
"""In a run: what was decided at its start. A resume does the same again, so that it is exact."""


def from_trunk_cache(
    train: Train,
    model: TaskModel,
    rows: dict[str, Any],
    run: Run | None,
    arithmetic: Callable[[], AbstractContextManager[Any]],
    precision: torch.dtype,
    n_alike: int = 1,
) -> dict[str, Any]:
    """Rows with the states that frozen layers give, where keeping them saves time.

    Args:
        train: settings of the loop.
        model: as it starts; is left in evaluation mode.
        rows: by split.
        run: keeps what was decided, and where that is kept already, it is done again; None: states
            are not kept.
        arithmetic: context of the computation, as training has it.
        precision: of that.
        n_alike: runs that will see the same rows.

    Raises:
        RecipeError: the recipe wants it and the model does not allow it.
        RunError: the recipe wants it, or the run began with it, and there is no room.
    """
    if run is None or train.trunk_cache == "off":
        return rows
    before: dict[str, Any] = run.read(RECORD) if (run.path / RECORD).is_file() else {}
    if before and not before["splits"]:
        return rows
    keeping = _Keeping(train, run, before)
    work = _work(model, rows, arithmetic, precision)
    if isinstance(work, str):
        return keeping.left(rows, f"{work}, so their states change or cannot be had", "")
    dtype, width = _probe(work)
    splits = keeping.splits(work, _loads(work, train, dtype.itemsize * width, n_alike))
    if not splits:
        return keeping.left(rows, "", "each row is seen too few times for it to pay")
    layout, units = _layout(work, splits, dtype, width)
    try:
        found = states_for(work, layout, units, keeping.wanted(model), run)
    except RunError as error:
        if before or train.trunk_cache != "auto":
            raise
        return keeping.left(rows, "", str(error))
    keeping.note(work, splits, layout, found)
    from tunesmith.training.cached_rows import CachedRows

    return {
        name: CachedRows(each, found, [u.digest for u in work.units[name]], work.cut.layer)
        if name in splits
        else each
        for name, each in rows.items()
    }


@dataclass(frozen=True)
class _Keeping:
    """What a run decides of states, and its record of that.

    Attributes:
        train: settings of the loop.
        run: whose record it is.
        before: the record, where the run was begun earlier.
    """

    train: Train
    run: Run
    before: dict[str, Any]

    def wanted(self, model: TaskModel) -> Wanted:
        """Where states go, beside what a model's training takes.

        A run that began with them goes on with them wherever there is room, but never on a disk
        where the recipe says memory.
        """
        limit, place = int(self.train.trunk_cache_gb * 1e9), self.train.trunk_cache
        if not self.before:
            return Wanted(place, limit)
        begun_in = "memory" if self.before["where"] == "memory" else "disk"
        trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
        needed = {"disk": checkpoints_to_come(self.run, self.train, trained), "memory": 3 * trained}
        return Wanted("memory" if place == "memory" else "auto", limit, begun_in, needed)

    def splits(self, work: Work, loads: dict[str, Load]) -> tuple[str, ...]:
        """Splits whose states are kept."""
        if self.before:
            return tuple(self.before["splits"])
        if self.train.trunk_cache != "auto":
            return tuple(loads)
        device = next(work.model.parameters()).device.type
        return worth_keeping(loads, work.cut.n_frozen, device)

    def left(self, rows: dict[str, Any], impossible: str, reason: str) -> dict[str, Any]:
        """The rows as they are; the reason is kept.

        Raises:
            RecipeError: states were wanted, and that is impossible.
            RunError: the run began with states, and that is impossible now.
        """
        if self.before:
            raise RunError(
                f"{self.run.path}: it began with kept states of frozen layers, and now "
                f"{impossible or reason}. Go on with the model and the versions that it began "
                "with, or start a new run with out=..."
            )
        if impossible and self.train.trunk_cache != "auto":
            raise RecipeError(
                f"train.trunk_cache={self.train.trunk_cache}: {impossible}. Set "
                "train.trunk_cache=auto."
            )
        self.run.write(RECORD, {"splits": [], "reason": impossible or reason})
        if reason:
            self.run.note(f"states of frozen layers are computed in every epoch: {reason}")
        return rows

    def note(self, work: Work, splits: tuple[str, ...], layout: Layout, found: Activations) -> None:
        """Writes down what was decided."""
        if self.before and self.before["sha256"] != found.sha256:
            self.run.note(
                f"{self.run.path}: the states of frozen layers are not those the run began with, "
                "to the last bits: they were computed anew in other circumstances."
            )
        record = {
            "splits": list(splits),
            "layer": work.cut.layer,
            "frozen_layers": work.cut.n_layers_below,
            "rows": len(layout.digests),
            "states": int(layout.starts[-1]),
            "mb": round(layout.n_bytes / 1e6, 3),
            "dtype": type_name(layout.dtype),
            "where": "memory" if found.folder is None else str(found.folder),
            "sha256": found.sha256,
            "reason": "",
        }
        self.run.write(RECORD, record)


def trunk_record(run: Run) -> dict[str, Any] | None:
    """What was decided at a run's start; None where nothing was to be decided."""
    return run.read(RECORD) if (run.path / RECORD).is_file() else None


def kept_in(folder: Path) -> str:
    """Where a run kept states of what it trained on: ``disk`` or ``memory``; empty: it did not."""
    kept = trunk_record(Run(folder))
    if kept is None or "train" not in kept["splits"]:
        return ""
    return "memory" if kept["where"] == "memory" else "disk"


def _work(
    model: TaskModel,
    rows: dict[str, Any],
    arithmetic: Callable[[], AbstractContextManager[Any]],
    precision: torch.dtype,
) -> Work | str:
    """What is to be computed; or why it cannot be, as a clause."""
    from tunesmith.model.cut import find_cut
    from tunesmith.model.lengthening import lengthens_beyond
    from tunesmith.training.cached_rows import Unit

    cut = find_cut(model.model)
    if isinstance(cut, str):
        return cut
    if cut.layer is not None and model.trunk is None:
        return f"layers are not computed one by one ({model.unfused_because})"
    rows = {name: each for name, each in rows.items() if len(each.lengths)}
    most = lengthens_beyond(model.model.config)
    if most is not None and any(max(each.lengths) > most for each in rows.values()):
        return f"rows of more than {most:,} tokens change those that are computed beside them"
    for each in rows.values():
        longest = each.batch([int(np.argmax(each.lengths))])
        if not longest.lengths:
            return "the rows of this task do not tell their lengths"
        if longest.beside is not None:
            return "the objective compares with further rows"
        if model.trunk is not None and not model.trunk.takes(longest):
            return "a row is longer than attention looks back"
    units = {
        name: [Unit.of(each, row, cut.layer) for row in range(len(each.lengths))]
        for name, each in rows.items()
    }
    return Work(model, cut, units, arithmetic, type_name(precision))


def _probe(work: Work) -> tuple[torch.dtype, int]:
    """Type and width of the states, found by computing those of the shortest row."""
    from tunesmith.training.cached_rows import states_of

    shortest = min((u for units in work.units.values() for u in units), key=lambda u: u.n_tokens)
    work.model.eval()
    with work.arithmetic():
        states = states_of(work.model, [shortest], work.cut.layer)
    return states.dtype, states.shape[1]


def _loads(work: Work, train: Train, state_bytes: int, n_alike: int) -> dict[str, Load]:
    n_rows = len(work.units["train"])
    steps = n_steps(
        n_rows, batch_size=train.batch_size, epochs=train.epochs, max_steps=train.max_steps
    )
    passes = n_passes(train, n_rows, steps)
    return {
        name: Load(
            sum(unit.n_tokens for unit in units),
            sum(unit.n_states for unit in units) * state_bytes,
            passes[name] * n_alike,
        )
        for name, units in work.units.items()
    }


def _layout(
    work: Work, splits: tuple[str, ...], dtype: torch.dtype, width: int
) -> tuple[Layout, list[Unit]]:
    """Every distinct unit of some splits once, in the order of computation."""
    from tunesmith.training.activations import Layout
    from tunesmith.training.cached_rows import in_order

    units = in_order({unit.digest: unit for name in splits for unit in work.units[name]})
    digests = np.frombuffer(b"".join(unit.digest for unit in units), np.uint8)
    starts = np.cumsum([0, *(unit.n_states for unit in units)], dtype=np.int64)
    return Layout(digests.reshape(len(units), -1), starts, width, dtype), units
