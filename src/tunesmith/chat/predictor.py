"""Predictor: a model with a task's own head, which answers examples rather than conversations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tunesmith.core.answers import Prediction
from tunesmith.core.examples import Example, Labelled
from tunesmith.model.head import output_head, own_head
from tunesmith.tasks.collate import pad
from tunesmith.tasks.task import Limits, Task
from tunesmith.templates.tokenizer import Tokenizer


class Predictor:
    """Answers with the head of a transformers model.

    Of each text of the last call ``last_cut`` tells how many tokens did not fit, ``last_tokens``
    how many were read, and ``last_latency_s`` how many seconds its batch took.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Tokenizer,
        task: Task,
        limits: Limits,
        *,
        batch_size: int = 32,
    ) -> None:
        """Takes a loaded model.

        Args:
            network: a transformers model with a head of its own.
            tokenizer: its tokenizer.
            task: settled; knows what the head reads, and what its outputs mean.
            limits: how long an example may be, as in training; a longer one is cut.
            batch_size: rows at once.
        """
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.task = task
        self.limits = replace(limits, too_long="cut")
        self.batch_size = batch_size
        self.last_cut: list[int] = []
        self.last_tokens: list[int] = []
        self.last_latency_s: list[float] = []
        self._seconds: dict[int, float] = {}

    def predict(self, many: Sequence[str | Example]) -> list[Prediction]:
        """Answers examples, in their order; what each was chosen from stands beside it.

        Args:
            many: examples, or texts to be labelled.

        Raises:
            DataError: one is of a kind the task does not take.
        """
        examples = [
            Labelled(one, (), f"text {number}") if isinstance(one, str) else one
            for number, one in enumerate(many, 1)
        ]
        for example in examples:
            self.task.require(example)
        encoded = self.task.inputs(examples, self.tokenizer, self.limits)
        self.last_cut = [outcome.n_cut for outcome in encoded]
        rows = [outcome.rows for outcome in encoded]
        outputs = iter(self.outputs([row.input_ids for windows in rows for row in windows]))
        seconds = iter(self._seconds[place] for place in sorted(self._seconds))
        self.last_tokens = [sum(len(row.input_ids) for row in windows) for windows in rows]
        self.last_latency_s = [
            max((next(seconds) for _ in windows), default=0.0) for windows in rows
        ]
        return [
            self.task.conclude(example, windows, [next(outputs) for _ in windows])
            for example, windows in zip(examples, rows, strict=True)
        ]

    @torch.no_grad()
    def outputs(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the head gives for rows of tokens; rows of similar length go together.

        Args:
            rows: token ids [T].

        Returns:
            For each row, float32: [outputs] at its last token where the head classifies, and
            [T, 2] where it marks places.
        """
        head, device = output_head(self.network), next(self.network.parameters()).device
        reads_last = own_head(self.network) == "score"
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        found: dict[int, np.ndarray] = {}
        self._seconds = {}
        for start in range(0, len(order), self.batch_size):
            group = order[start : start + self.batch_size]
            started = time.monotonic()
            # Padding on the right stays unseen, as attention is causal.
            ids = pad([rows[place] for place in group], self.tokenizer.pad_id).to(device)
            hidden = self.network.base_model(input_ids=ids, use_cache=False).last_hidden_state
            ends = torch.tensor([len(rows[place]) for place in group], device=device)
            if reads_last:
                hidden = hidden[torch.arange(len(group), device=device), ends - 1]  # [B, D]
            outputs = head(hidden).float().cpu().numpy()
            self._seconds |= dict.fromkeys(group, time.monotonic() - started)
            for place, output in zip(group, outputs, strict=True):
                found[place] = output if reads_last else output[: len(rows[place])]
        return [found[place] for place in range(len(rows))]
