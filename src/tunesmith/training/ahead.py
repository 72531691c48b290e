"""Ahead: the next step's batches, made in a thread while the device works on this step's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tunesmith.training.background import Background

if TYPE_CHECKING:
    from tunesmith.model.batch import Batch
    from tunesmith.training.plan import Step


@dataclass(frozen=True, slots=True)
class Made:
    """Batches of a step.

    Attributes:
        step: counted from 0.
        parts: rows of each micro-batch.
        batches: of these, on the host.
    """

    step: int
    parts: Step
    batches: list[Batch]


class Ahead:
    """Makes each step's batches a step before they are wanted; they are the same as without.

    Batches are a pure function of their rows and draw nothing at random. So an error that comes up
    in advance is let go: they are made again where they are wanted, and fail there, in their step.
    """

    def __init__(
        self,
        parts_of: Callable[[int], Step],
        make: Callable[[Step], list[Batch]],
        *,
        n_steps: int,
        runs: bool,
    ) -> None:
        """Begins with nothing.

        Args:
            parts_of: the micro-batches that a step is likely to have; a pure function.
            make: their batches on the host.
            n_steps: of the run; nothing is made for one behind the last.
            runs: whether anything is made in advance at all.
        """
        self.parts_of = parts_of
        self.make = make
        self.n_steps = n_steps
        self.runs = runs
        self._thread = Background("batches")
        self._found: Made | None = None

    def batches(self, step: int, parts: Step) -> list[Batch]:
        """The batches of a step, made in advance or now; those of the next are begun.

        Args:
            step: counted from 0.
            parts: rows of each of its micro-batches; others than foreseen where memory ran out.

        Raises:
            BaseException: whatever making them raises.
        """
        self._settle()
        known = self._found
        if known is not None and (known.step, known.parts) == (step, parts):
            self._found, batches = None, known.batches
        else:
            batches = self.make(parts)
        if self.runs and step + 1 < self.n_steps:
            self._thread.start(partial(self._prepare, step + 1))
        return batches

    def drop(self) -> None:
        """Lets go of what was made in advance, once it is."""
        self._settle()
        self._found = None

    def _prepare(self, step: int) -> None:
        if self._found is None or self._found.step != step:
            parts = self.parts_of(step)
            self._found = Made(step, parts, self.make(parts))

    def _settle(self) -> None:
        with suppress(Exception):
            self._thread.wait()
