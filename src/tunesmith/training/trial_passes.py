"""Trial passes: the speed of a model that is about to be trained, by tokens at once."""

from __future__ import annotations

import time

import numpy as np
import torch

from tunesmith.core.available import available_memory_mb
from tunesmith.core.memory import peak_memory_mb
from tunesmith.training.checkpoint import random_state, restore_random_state
from tunesmith.training.fit import is_out_of_memory, release_memory
from tunesmith.training.passes import Passes, Rows


class TrialPasses:
    """Passes forward and backward of a model that is about to be trained; they leave no trace."""

    def __init__(self, passes: Passes, rows: Rows) -> None:
        """Takes what is trained.

        Args:
            passes: through the model.
            rows: as they are trained on, packed or not; rows of middling length are taken.
        """
        self.passes = passes
        self.rows = rows
        lengths = np.asarray(rows.lengths)
        middle = (len(lengths) - 1) / 2
        by_length = np.argsort(lengths, kind="stable")
        # From the middle outwards, so that a micro-batch is neither of long rows nor of short ones.
        self.order = by_length[np.argsort(np.abs(np.arange(len(lengths)) - middle), kind="stable")]
        self.ends = np.cumsum(lengths[self.order])
        self.before_mb, self.last_size = peak_memory_mb(), 0

    def speed(self, size: int) -> float | None:
        """Tokens per second of one pass at a size; None where memory ran out."""
        n_rows = max(1, int(np.searchsorted(self.ends, size, side="right")))
        part = self.order[:n_rows].tolist()
        model, random = self.passes.model, random_state()
        was_training = model.training
        self.last_size = size
        model.train()
        try:
            (batch,) = self.passes.batches(self.rows, [part])
            self._wait()
            started = time.perf_counter()
            (self.passes.forward(batch).total / batch.n_targets).backward()
            self._wait()
            return batch.n_tokens / (time.perf_counter() - started)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        finally:
            for parameter in model.parameters():
                parameter.grad = None
            restore_random_state(random)
            model.train(was_training)
        # Only outside of the block are the tensors of the failed pass let go.
        release_memory()
        return None

    def has_room(self, size: int) -> bool:
        """Whether memory holds twice what the last size took of it, and as much again."""
        grown = (peak_memory_mb() - self.before_mb) * size / max(1, self.last_size)
        free = self._free_mb()
        return free is None or 2 * grown <= free

    def _free_mb(self) -> float | None:
        if self.passes.placement.device.type != "cuda":
            return available_memory_mb()
        free, _ = torch.cuda.mem_get_info(self.passes.placement.device)
        return (free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()) / 1e6

    def _wait(self) -> None:
        if self.passes.placement.device.type == "cuda":
            torch.cuda.synchronize()
