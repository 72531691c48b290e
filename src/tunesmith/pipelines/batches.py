"""Batches: how a run divides its steps, measured on this machine where that pays, and kept."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.cache import entry, forget_old
from tunesmith.core.errors import RunError
from tunesmith.core.made_once import finish, made_once
from tunesmith.recipe import Recipe
from tunesmith.training.batching import ROW_BY_ROW, Batching, fixed_batching, made_of
from tunesmith.training.plan import n_steps
from tunesmith.training.probe import fastest, sizes_worth_trying, speeds

if TYPE_CHECKING:
    from tunesmith.training.passes import Passes, Rows

KIND, FILE = "batches", "measured.json"
CPU_INFO = Path("/proc/cpuinfo")


def batching_of(recipe: Recipe, passes: Passes, rows: Rows) -> Batching:
    """How a run's steps are divided.

    What is measured is kept for this machine, model, method and these lengths of rows, so that the
    next run of the same recipe has the same micro-batches, and with them the same numbers bit by
    bit.

    Args:
        recipe: the whole of it.
        passes: through the model that is about to be trained.
        rows: that it is trained on.
    """
    from tunesmith.training.cached_rows import needs_no_layer
    from tunesmith.training.packed_rows import PackedRows
    from tunesmith.training.trial_passes import TrialPasses

    settings, lengths, device = recipe.train, rows.lengths, passes.placement.device.type
    is_open = settings.tokens_at_once is None and settings.micro_batch_size is None
    if is_open and needs_no_layer(rows):
        why = "no layer is computed"
        return Batching(
            packs=False,
            rows_at_once=settings.batch_size,
            tokens_at_once=None,
            of=made_of(settings),
            why_packs=why,
            why_tokens=why,
        )
    is_fused = getattr(passes.model, "trunk", None) is not None
    found = fixed_batching(
        settings,
        lengths,
        device,
        width=getattr(_config(passes), "hidden_size", None),
        unpadded=is_fused,
        unpackable=_unpackable(passes, rows),
        row_by_row=1.0 if _attends_at_once(passes) else ROW_BY_ROW,
    )
    if not is_open:
        return found
    steps = n_steps(
        len(lengths),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        max_steps=settings.max_steps,
    )
    sizes = sizes_worth_trying(device, lengths, settings.batch_size, steps, found.tokens_at_once)
    if not sizes:
        return replace(found, why_tokens=f"{found.why_tokens}: too little to do for a probe")
    measuring = TrialPasses(passes, PackedRows(rows) if found.packs else rows)
    facts = _facts(recipe, passes, [type(rows).__name__, found.packs, is_fused, *sizes], lengths)
    return measured(found, Measuring(facts, sizes, measuring.speed, measuring.has_room))


@dataclass(frozen=True)
class Measuring:
    """What a probe is made of.

    Attributes:
        facts: all that its outcome depends on, ready for JSON.
        sizes: that are tried.
        speed: tokens per second of one pass at a size; None: it found no memory.
        has_room: whether a size may be tried after those before it.
    """

    facts: Mapping[str, Any]
    sizes: tuple[int, ...]
    speed: Callable[[int], float | None]
    has_room: Callable[[int], bool] = lambda size: True

    @property
    def key(self) -> str:
        """Of the facts."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()


def measured(batching: Batching, measuring: Measuring) -> Batching:
    """A batching of the size that is the fastest, as it was found earlier or is now.

    What cannot be kept is not used either: two runs of one recipe would differ.

    Args:
        batching: with a fixed number of tokens.
        measuring: what is measured.
    """
    found = _kept(measuring)
    if found is None:
        try:
            found = _measured_once(measuring)
        except (OSError, RunError) as error:
            print(
                f"batches: what a probe finds cannot be kept, and so is not used: {error} "
                f"Micro-batches have {batching.tokens_at_once:,} tokens.",
                file=sys.stderr,
                flush=True,
            )
            why = f"{batching.why_tokens}: what a probe finds cannot be kept"
            return replace(batching, why_tokens=why)
    size = fastest(found)
    if size is None and not found:  # no memory for the smallest: training will say what to do
        return replace(batching, tokens_at_once=measuring.sizes[0], why_tokens="memory is short")
    if size is None:
        why = f"{batching.why_tokens}: passes take too long or too much memory for a probe"
        return replace(batching, why_tokens=why)
    listed = ", ".join(f"{speed:,.0f} at {size:,}" for size, speed in sorted(found.items()))
    return replace(batching, tokens_at_once=size, why_tokens=f"probe: tokens/s {listed}")


def _measured_once(measuring: Measuring) -> dict[int, float]:
    """Measures, unless another process does so meanwhile: what it found holds for both.

    Raises:
        OSError, RunError: it cannot be kept.
    """
    with made_once(KIND, measuring.key, tell) as draft:
        found = _kept(measuring, tells=False)
        if found is not None:
            return found
        found = speeds(measuring.sizes, measuring.speed, measuring.has_room)
        text = json.dumps({"tokens_per_s": found, "facts": measuring.facts}, indent=1)
        (draft / FILE).write_text(text, "utf-8")
        forget_old(finish(draft).parent)
        return found


def tell(text: str) -> None:
    """Says something on standard error."""
    print(text, file=sys.stderr, flush=True)


def _kept(measuring: Measuring, *, tells: bool = True) -> dict[int, float] | None:
    """What was found earlier; None where nothing was, or it cannot be read, which is told."""
    file = entry(KIND, measuring.key) / FILE
    try:
        found = json.loads(file.read_text("utf-8"))["tokens_per_s"]
        if not set(map(int, found)) <= set(measuring.sizes):
            raise ValueError("sizes that are not tried")
        return {int(size): float(speed) for size, speed in found.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if tells:
            print(f"batches: {file} is damaged ({error}); measured again.", file=sys.stderr)
        return None


def _facts(
    recipe: Recipe, passes: Passes, choice: list[Any], lengths: Sequence[int] | np.ndarray
) -> dict[str, Any]:
    """All that the speed of a micro-batch depends on."""
    import torch

    from tunesmith.pipelines.resume import versions

    weights = [
        (name, list(p.shape), str(p.dtype), p.requires_grad)
        for name, p in passes.model.named_parameters()
    ]
    described = json.dumps(weights).encode()
    train = recipe.train
    is_gpu = passes.placement.device.type == "cuda"
    return {
        "processor": torch.cuda.get_device_name() if is_gpu else processor_name(),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "weights": hashlib.sha256(described).hexdigest(),
        "method": recipe.method.model_dump(mode="json"),
        "loss": recipe.loss.model_dump(mode="json"),
        "task": recipe.task.name,
        "precision": str(passes.precision),
        "frozen_products": train.frozen_products,
        "recomputes": train.gradient_checkpointing,
        "batches": choice,
        # Passes are of rows of middling length, as many as a size takes.
        "lengths": hashlib.sha256(np.asarray(lengths, np.int64).tobytes()).hexdigest(),
    }


def processor_name(info: Path = CPU_INFO) -> str:
    """The processor's name, as far as the system tells it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _unpackable(passes: Passes, rows: Rows) -> str | None:
    """Why rows cannot share a line; None: they can."""
    if not len(rows.lengths):
        return None
    if not rows.batch([0]).lengths:
        return "the rows of this task do not tell their lengths"
    from tunesmith.model.trunk_support import look_back

    config = _config(passes)
    window = None if config is None else look_back(config)
    if window is not None and int(max(rows.lengths)) > window:
        return f"the model's attention sees {window} tokens back, and rows are longer"
    return None


def _config(passes: Passes) -> Any:
    """The model's configuration; None: it has none."""
    return getattr(getattr(passes.model, "model", None), "config", None)


def _attends_at_once(passes: Passes) -> bool:
    """Whether packed rows attend in one kernel, as on a GPU in 16 bits, and not one by one."""
    import torch

    is_gpu = passes.placement.device.type == "cuda"
    has_kernel = find_spec("torch.nn.attention.varlen") is not None  # since torch 2.10
    return is_gpu and has_kernel and passes.precision != torch.float32
