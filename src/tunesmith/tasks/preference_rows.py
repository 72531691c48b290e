"""Preference rows: encoded answers as the batches that objectives over answers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.batch import Batch
from tunesmith.tasks.collate import EncodedRows, collate
from tunesmith.tasks.preference import DESIRABLE
from tunesmith.tasks.store import EncodedSplit


class PreferenceRows(EncodedRows):
    """The answers of a split, in pairs or one by one."""

    def __init__(
        self,
        split: EncodedSplit,
        pad_id: int,
        *,
        lengths: np.ndarray,
        is_paired: bool,
        partners: np.ndarray | None = None,
        reference: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Takes encoded answers and what is known of them.

        Args:
            split: of pairs, rows 2i and 2i + 1 are the chosen and the rejected one.
            pad_id: fills rows up.
            lengths: [U] int64, positions that each pair or single answer takes.
            is_paired: whether they are pairs.
            partners: [R] int64, for each answer the row whose answer its prompt is given instead,
                so that batches bring such mismatched rows beside them; None: they do not.
            reference: name -> [R] float32, log-probabilities under the reference model: of
                ``answers``, and of ``mismatched`` rows where there are any.
        """
        super().__init__(split, pad_id)
        self.is_paired = is_paired
        self.partners = partners
        self.reference = reference
        self._lengths = lengths
        self._longest = int(split.lengths.max()) if len(split) else 0

    @property
    def lengths(self) -> np.ndarray:
        """Positions that each pair or single answer takes."""
        return self._lengths

    def mismatched(self, seed: int) -> PreferenceRows:
        """These rows with an answer to another prompt beside each.

        All of them make one circle in random order, so that no prompt keeps its own answer where
        there is more than one. Pairs stay together: chosen goes with chosen.

        Args:
            seed: decides the order; the same for the whole run, so that the reference's
                log-probabilities can be computed once.
        """
        n_units, size = len(self.lengths), 1 + self.is_paired
        order = np.random.default_rng([seed, n_units]).permutation(n_units)
        units = np.empty(n_units, np.int64)
        units[order] = np.roll(order, 1)
        return self._with(partners=(units[:, None] * size + np.arange(size)).ravel())

    def with_reference(self, reference: Mapping[str, Tensor]) -> PreferenceRows:
        """These rows with what the reference model says of them."""
        return self._with(reference=reference)

    def _with(self, **changed: Any) -> PreferenceRows:
        known: dict[str, Any] = {"partners": self.partners, "reference": self.reference}
        return PreferenceRows(
            self.split,
            self.pad_id,
            lengths=self.lengths,
            is_paired=self.is_paired,
            **{**known, **changed},
        )

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some pairs or single answers; its targets count each of them once."""
        answers = self.answers(rows)
        batch = self._batch([self.split.arrays(a) for a in answers], answers, "answers")
        wanted = [self.split.values_of(a)[DESIRABLE] > 0 for a in answers]
        targets = {
            **batch.targets,
            "desirable": torch.tensor(wanted),
            "share": torch.full((len(answers),), len(rows) / len(answers)),
        }
        beside = None
        if self.partners is not None:
            others = [self._mismatched_arrays(a) for a in answers]
            beside = self._batch(others, answers, "mismatched")
        return replace(batch, targets=targets, n_targets=len(rows), beside=beside)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some pairs or single answers were read."""
        size = 1 + self.is_paired
        return [self.split.origin(size * row) for row in rows]

    def answers(self, rows: Sequence[int]) -> list[int]:
        """The encoded rows of some pairs or single answers, in order."""
        return [2 * r + side for r in rows for side in (0, 1)] if self.is_paired else list(rows)

    def _batch(
        self, arrays: Sequence[tuple[np.ndarray, np.ndarray]], answers: Sequence[int], kind: str
    ) -> Batch:
        batch = collate(arrays, self.pad_id)
        counts = np.array([int((weights[1:] > 0).sum()) for _, weights in arrays])
        ends = np.cumsum(counts)
        places = (ends - counts)[:, None] + np.arange(counts.max())  # [R, L]
        places = np.where(np.arange(counts.max()) < counts[:, None], places, ends[-1])
        targets = {
            **batch.targets,
            "answers": torch.from_numpy(places),
            "lengths": torch.from_numpy(counts),
        }
        if self.reference is not None:
            targets["reference_logps"] = self.reference[kind][list(answers)]
        return replace(batch, targets=targets, n_targets=len(arrays))

    def _mismatched_arrays(self, answer: int) -> tuple[np.ndarray, np.ndarray]:
        """A prompt with its partner's answer, cut at its end to the longest row there is."""
        assert self.partners is not None
        ids, weights = self.split.arrays(answer)
        other_ids, other_weights = self.split.arrays(int(self.partners[answer]))
        start, other = int((weights > 0).argmax()), int((other_weights > 0).argmax())
        return (
            np.concatenate([ids[:start], other_ids[other:]])[: self._longest],
            np.concatenate([weights[:start], other_weights[other:]])[: self._longest],
        )
