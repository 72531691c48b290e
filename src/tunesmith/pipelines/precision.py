"""Precision: what ``train.precision=auto`` means here, tried once on a processor and kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.cache import entry, forget_old
from tunesmith.core.errors import RunError
from tunesmith.core.made_once import finish, made_once
from tunesmith.core.runs import LOCK, Run
from tunesmith.model.source import read_config
from tunesmith.pipelines.batches import processor_name, tell
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    import torch

KIND, FILE = "precision", "measured.json"
LEAST_GAIN = 1.3
"""How many times as fast products in bfloat16 must be: what surrounds them gains less."""
LEAST_WIDTH = 128
"""Narrower models spend their time beside the products, so that nothing is tried."""
TRIAL_OPERATIONS = 1e9
"""Of one product of a trial; several hundredths of a second."""
TURNS = 4


@dataclass(frozen=True)
class Precision:
    """A type of the arithmetic, and why.

    Attributes:
        name: ``float32`` or ``bfloat16``.
        why: in words.
    """

    name: str
    why: str

    @property
    def told(self) -> str:
        """Both in a line."""
        return f"arithmetic in {self.name} ({self.why})"

    def settled(self, recipe: Recipe) -> Recipe:
        """The recipe with the type written in."""
        train = recipe.train.model_copy(update={"precision": self.name})
        return recipe.model_copy(update={"train": train})


def precision_of(recipe: Recipe, folder: Path, begun: str | None = None) -> Precision:
    """The type of a run's arithmetic.

    Args:
        recipe: the whole of it.
        folder: of the model, whose widths are tried.
        begun: what the run that is gone on with has; it stays so on another machine too.
    """
    if recipe.train.precision != "auto":
        return Precision(recipe.train.precision, "train.precision")
    if begun is not None:
        return Precision(begun, "as the run was begun")
    from tunesmith.model.device import default_device
    from tunesmith.pipelines.build_trainer import arithmetic

    device = default_device()
    if device.type != "cpu":
        name = str(arithmetic("auto", device)).removeprefix("torch.")
        return Precision(name, "the GPU's best")
    why = _why_not_tried(recipe, folder) or (
        None if has_bfloat16() else "the processor has no instructions for bfloat16"
    )
    if why is not None:
        return Precision("float32", why)
    widths = _widths(folder)
    try:
        return _chosen(known_speeds(widths) or _tried_once(widths), widths)
    except (OSError, RunError) as error:
        # Two runs of one recipe might differ otherwise.
        tell(f"train.precision=auto: a trial cannot be kept: {error}")
        return Precision("float32", "what a trial finds cannot be kept")


def begun_precision(run: Run | None) -> str | None:
    """The type that a run was begun in; None: there is no run yet.

    Runs from before it was written down had the device's plain type.
    """
    if run is None or not (run.path / LOCK).is_file():
        return None
    from tunesmith.model.device import default_device
    from tunesmith.pipelines.build_trainer import arithmetic

    plain = str(arithmetic("auto", default_device())).removeprefix("torch.")
    return str(run.read(LOCK).get("precision", plain))


def planned_precision(recipe: Recipe, folder: Path | None) -> Precision | None:
    """The same without torch, before a run; None: a trial at its start will tell."""
    if recipe.train.precision != "auto":
        return Precision(recipe.train.precision, "train.precision")
    if folder is None:
        return None
    why = _why_not_tried(recipe, folder)
    if why is not None:
        return Precision("float32", why)
    widths = _widths(folder)
    found = known_speeds(widths)
    return None if found is None else _chosen(found, widths)


def has_bfloat16() -> bool:
    """Whether this processor multiplies numbers in bfloat16."""
    import torch

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def product_speeds(width: int, inner: int) -> dict[str, float]:
    """Speed of a product by type, in operations per second; the best of some turns.

    Args:
        width: of the model.
        inner: of its MLP.
    """
    import torch

    n_tokens = max(128, min(2048, int(TRIAL_OPERATIONS / (2 * width * inner))))
    generator = torch.Generator().manual_seed(0)  # the run's own numbers stay what they are
    x = torch.randn(n_tokens, width, generator=generator)
    weight = torch.randn(inner, width, generator=generator)
    pairs = {"float32": (x, weight), "bfloat16": (x.bfloat16(), weight.bfloat16())}
    best = dict.fromkeys(pairs, float("inf"))
    for turn in range(TURNS):
        for name, (left, right) in pairs.items():
            seconds = _seconds(lambda left=left, right=right: left @ right.t())
            if turn:  # the first one wakes the library up
                best[name] = min(best[name], seconds)
    return {name: 2 * n_tokens * width * inner / seconds for name, seconds in best.items()}


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    started = time.perf_counter()
    work()
    return max(time.perf_counter() - started, 1e-9)


def _tried_once(widths: tuple[int, int]) -> dict[str, float]:
    """Tries, unless another process does so meanwhile: what it found holds for both.

    Raises:
        OSError, RunError: it cannot be kept.
    """
    with made_once(KIND, _key(widths), tell) as draft:
        found = known_speeds(widths)
        if found is not None:
            return found
        found = product_speeds(*widths)
        (draft / FILE).write_text(json.dumps(found), "utf-8")
        forget_old(finish(draft).parent)
        return found


def known_speeds(widths: tuple[int, int]) -> dict[str, float] | None:
    """What an earlier trial on this machine found; None: there was none."""
    try:
        found = json.loads((entry(KIND, _key(widths)) / FILE).read_text("utf-8"))
        return {name: float(found[name]) for name in ("float32", "bfloat16")}
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _chosen(found: dict[str, float], widths: tuple[int, int]) -> Precision:
    gain = found["bfloat16"] / found["float32"]
    name = "bfloat16" if gain >= LEAST_GAIN else "float32"
    return Precision(
        name,
        f"trial: products of {widths[0]} by {widths[1]} run at {gain:.2f} times the speed of "
        f"float32 in bfloat16; {LEAST_GAIN} is asked",
    )


def _why_not_tried(recipe: Recipe, folder: Path) -> str | None:
    """Why float32 is taken without a trial; None: there is one."""
    width, _ = _widths(folder)
    if width < LEAST_WIDTH:
        return f"the model is {width} wide, and nothing is tried under {LEAST_WIDTH}"
    if recipe.method.linear_bytes is not None:
        return "weights in few bits are written out in float32 on a processor"
    return None


def _widths(folder: Path) -> tuple[int, int]:
    config: dict[str, Any] = read_config(folder)
    width = int(config.get("hidden_size") or 0)
    return width, int(config.get("intermediate_size") or 4 * width)


def _key(widths: tuple[int, int]) -> str:
    try:
        torch_version = version("torch")
    except PackageNotFoundError:
        torch_version = ""
    facts = [processor_name(), torch_version, *widths]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
