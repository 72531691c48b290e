"""Steps: which rows each step of a run has, and in which micro-batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tunesmith.training.batching import Batching
from tunesmith.training.plan import Step, n_steps, plan_epoch
from tunesmith.training.settings import Train


class Steps:
    """The plan of a run: a pure function of its rows' lengths, its settings and its batching."""

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        settings: Train,
        batching: Batching,
        arrange: Callable[[Step], Step] | None = None,
    ) -> None:
        """Plans nothing yet.

        Args:
            lengths: [N] tokens of each row.
            settings: of the loop.
            batching: how steps are divided.
            arrange: from a planned step to one with the same rows in other micro-batches, within
                the same limits; a pure function. None: steps stay as they are planned.
        """
        self.lengths = np.asarray(lengths)
        self.settings = settings
        self.batching = batching
        self.arrange = arrange
        self.total = n_steps(
            len(self.lengths),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            max_steps=settings.max_steps,
        )
        self.per_epoch = math.ceil(len(self.lengths) / settings.batch_size)
        self._plan: tuple[int, list[Step]] | None = None
        self._most_rows: dict[int, int] = {}  # by the limit they ran under

    def planned(self, epoch: int) -> list[Step]:
        """The steps of an epoch, before any is arranged."""
        known = self._plan  # what is loaded ahead may be of the next epoch
        if known is None or known[0] != epoch:
            plan = plan_epoch(
                self.lengths,
                batch_size=self.settings.batch_size,
                batching=self.batching,
                seed=self.settings.seed,
                epoch=epoch,
                shuffle=self.settings.shuffle,
                group_by_length=self.settings.length_grouping,
            )
            self._plan = known = (epoch, plan)
        return known[1]

    def micro_batches(self, step: int) -> Step:
        """The rows of a step, counted from 0: a pure function of its number."""
        epoch, place = divmod(step, self.per_epoch)
        planned = self.planned(epoch)[place]
        return planned if self.arrange is None else self.arrange(planned)

    def divided(self, rows: Step, most: int) -> Step:
        """A step's micro-batches, those divided again that are larger than what memory allows.

        Args:
            rows: of each micro-batch.
            most: the largest :meth:`Batching.size`.
        """
        smaller = self.batching.within(most)
        return [
            [micro[place] for place in part]
            for micro in rows
            for part in smaller.divide(self.lengths[micro])
        ]

    def has_run(self, rows: Step, most: int) -> None:
        """Takes note of a step that ran under a limit, where it is not as it was planned."""
        if self.arrange is not None:
            n_rows = max(map(len, self.divided(rows, most)))
            self._most_rows[most] = max(n_rows, self._most_rows.get(most, 0))

    def rows_at_once(self, step: int, most: int) -> int:
        """Rows of the largest micro-batch under a limit: of those that ran, or of the epoch's plan.

        Args:
            step: the next one.
            most: the largest :meth:`Batching.size`.
        """
        if most in self._most_rows:
            return self._most_rows[most]
        epoch = max(0, step - 1) // self.per_epoch
        return max(len(m) for step in self.planned(epoch) for m in self.divided(step, most))
