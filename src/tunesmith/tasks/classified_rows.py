"""Classified rows: encoded texts with their labels -> batches for a classification head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from tunesmith.model.batch import Batch
from tunesmith.tasks.classes import Problem
from tunesmith.tasks.collate import EncodedRows, pad
from tunesmith.tasks.store import EncodedSplit


class ClassifiedRows(EncodedRows):
    """Rows whose target is the state of their last token.

    Batches hold under ``targets`` the ``classes`` [B] int64 (and ``weights`` [B] where classes are
    weighed), the ``flags`` [B, K] float32 of classes of which several may be right, or the
    ``numbers`` [B] float32.
    """

    def __init__(
        self,
        split: EncodedSplit,
        pad_id: int,
        problem: Problem,
        labels: Sequence[str],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Takes the rows and what is known of their labels.

        Args:
            split: encoded by the task.
            pad_id: fills rows up.
            problem: what the labels are.
            labels: names in the order of the outputs.
            weights: of the loss of each class; None: 1.
        """
        super().__init__(split, pad_id)
        self.problem = problem
        self.codes = {label: code for code, label in enumerate(labels)}
        self.weights = None if weights is None else np.array([weights[n] for n in labels])

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some rows."""
        ids = [self.split.arrays(row)[0] for row in rows]
        input_ids = pad(ids, self.pad_id)
        lengths = np.array([len(one) for one in ids])
        last = np.arange(len(rows)) * input_ids.shape[1] + lengths - 1
        targets: dict[str, torch.Tensor] = {}
        n_targets: float = len(rows)
        if self.problem == "regression":
            numbers = np.array([self.split.values_of(row)[0] for row in rows], np.float32)
            targets["numbers"] = torch.from_numpy(numbers)
        elif self.problem == "multi":
            flags = np.zeros((len(rows), len(self.codes)), np.float32)
            for place, row in enumerate(rows):
                flags[place, [self.codes[name] for name in self.split.labels_of(row)]] = 1.0
            targets["flags"] = torch.from_numpy(flags)
        else:
            classes = np.array([self.codes[self.split.labels_of(row)[0]] for row in rows])
            targets["classes"] = torch.from_numpy(classes)
            if self.weights is not None:
                weights = self.weights[classes]
                targets["weights"] = torch.from_numpy(weights.astype(np.float32))
                n_targets = float(weights.sum())
        return Batch(
            input_ids,
            torch.from_numpy(last),
            targets,
            n_targets,
            n_tokens=int(lengths.sum()),
            lengths=tuple(lengths.tolist()),
        )
