"""Writing: answers that are being written: to which prompts, how far, and what ends each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import Tensor

from tunesmith.chat.generated import Generated


@dataclass(frozen=True, slots=True)
class Writing:
    """Prompts and their answers so far.

    Attributes:
        prompts: token ids of each row, none empty.
        limits: most tokens of each answer.
        end_ids: tokens that end an answer.
        is_done: asked after every token whether the answer is over by its text.
        next_ids: chooses the next tokens from logits [N, V] of the rows with these numbers.
        around_forward: opened for each forward pass, and closed before anything is told.
        rows: the answers, written to.
    """

    prompts: Sequence[Sequence[int]]
    limits: Sequence[int]
    end_ids: frozenset[int]
    is_done: Callable[[list[int]], bool]
    next_ids: Callable[[Tensor, list[int]], Tensor]
    around_forward: Callable[[], AbstractContextManager[None]]
    rows: list[Generated]

    @property
    def wanted(self) -> list[int]:
        """Numbers of the rows that are to be written."""
        return [row for row, limit in enumerate(self.limits) if limit > 0]

    def is_over(self, row: int, token: int) -> bool:
        """Takes a row's next token; whether that ended its answer."""
        answer = self.rows[row]
        answer.ended = token in self.end_ids
        if not answer.ended:
            answer.ids.append(token)
            answer.ended = self.is_done(answer.ids)
        return answer.ended or len(answer.ids) >= self.limits[row]
