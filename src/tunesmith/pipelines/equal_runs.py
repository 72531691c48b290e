"""Equal runs: whether two trainings came to the same, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tunesmith.core.runs import METRICS, SAMPLES, Run

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Compared:
    """One thing that two runs have, side by side.

    Attributes:
        what: its name.
        n: how many parts of it there are: tensors, lines or steps.
        n_equal: how many of them are equal byte by byte.
        first_difference: where and how the first of the others differs; None: all are equal.
    """

    what: str
    n: int
    n_equal: int
    first_difference: str | None

    @property
    def is_equal(self) -> bool:
        """Whether there was something to compare, and no part of it differs."""
        return self.first_difference is None and self.n > 0


def equal_runs(a: Run, b: Run) -> list[Compared]:
    """Compares artefact, last checkpoint, log, samples and order of rows of two finished runs.

    Raises:
        RunError: a run is not finished, or its last checkpoint is damaged.
    """
    from tunesmith.training.checkpoint import checkpoints, load_checkpoint

    steps = [run.summary["steps"] for run in (a, b)]
    first = load_checkpoint(checkpoints(a.checkpoints)[-1])
    second = load_checkpoint(checkpoints(b.checkpoints)[-1])
    compared = [_tensors("model", _artifact(a), _artifact(b))]
    for name in ("weights", "optimizer", "random"):
        found = _tensors(f"checkpoint: {name}", getattr(first, name), getattr(second, name))
        if found.n or name != "optimizer":  # plain gradient descent keeps nothing
            compared.append(found)
    left, right = (
        {k: v for k, v in one.state.items() if k != "identity"} for one in (first, second)
    )
    compared.append(_parts("checkpoint: state", sorted(left.items()), sorted(right.items()), _pair))
    for name, file in (("log", METRICS), ("samples", SAMPLES)):
        lines = _parts(name, _lines(a, file), _lines(b, file), lambda number, line: line)
        if lines.n or name != "samples":  # most runs keep none
            compared.append(lines)
    orders = [
        [line["rows"] for line in run.lines(METRICS) if line["kind"] == "train"] for run in (a, b)
    ]
    assert steps[0] == len(orders[0]), "the log has a line for every step"
    compared.append(_parts("order of rows", orders[0], orders[1], _taken))
    return compared


def _artifact(run: Run) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = {}
    for file in sorted(run.artifact.glob("**/*.safetensors")):
        prefix = str(file.relative_to(run.artifact))
        tensors |= {f"{prefix}: {name}": tensor for name, tensor in load_file(file).items()}
    return tensors


def _lines(run: Run, name: str) -> list[str]:
    file = run.path / name
    return file.read_text("utf-8").splitlines() if file.is_file() else []


def _tensors(what: str, a: dict[str, Tensor], b: dict[str, Tensor]) -> Compared:
    names = sorted({*a, *b})
    differences = [
        text for name in names if (text := _difference(name, a.get(name), b.get(name))) is not None
    ]
    return Compared(what, len(names), len(names) - len(differences), next(iter(differences), None))


def _difference(name: str, a: Tensor | None, b: Tensor | None) -> str | None:
    """Where two tensors differ, by their bytes: a NaN equals itself, and -0 is not 0."""
    import torch

    if a is None or b is None:
        return f"{name}: only one run has it"
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{name}: {list(a.shape)} {a.dtype}, {list(b.shape)} {b.dtype}"
    left, right = (t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b))
    if torch.equal(left, right):
        return None
    place = int((left != right).nonzero()[0]) // a.element_size()
    return f"{name}[{place}]: {a.reshape(-1)[place]:.9g}, {b.reshape(-1)[place]:.9g}"


def _pair(number: int, pair: tuple[str, Any]) -> str:
    return f"{pair[0]} {pair[1]}"


def _taken(number: int, rows: list[int]) -> str:
    return f"step {number + 1} takes {rows}"


def _parts(
    what: str, a: Iterable[Any], b: Iterable[Any], tell: Callable[[int, Any], str]
) -> Compared:
    n = n_equal = 0
    first = None
    for number, (left, right) in enumerate(zip_longest(a, b)):
        n += 1
        n_equal += left == right
        if left != right and first is None:
            told = ["nothing" if part is None else tell(number, part) for part in (left, right)]
            first = f"{told[0]}; {told[1]}"
    return Compared(what, n, n_equal, first)
