"""Sharing: whether the prefixes that rows share are computed once, and what that saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tunesmith.data.prefixes import grow
from tunesmith.model.shape import Shape

LEAST_TOKENS = 16
"""A shared piece saves that many tokens at the least; shorter ones are within what is measured."""
MEASURED = ("cpu",)
"""Devices on which trees were found to pay and to give the same; elsewhere they have to be asked
for."""
PIECE_OPERATIONS = 4e6
"""What a shared piece costs in each layer, forward and backward, as operations of a matrix product:
its calls, and what sees it in two parts. Measured on a CPU with pieces that two rows share: one of
16 tokens breaks even at width 64, and pays at 128 and 288."""


def least_tokens(shape: Shape) -> int:
    """Tokens that a shared piece has to save so that it pays in a model of that shape."""
    of_token = 4 * shape.n_linear_parameters / shape.n_layers  # forward, and backward to the inputs
    return max(LEAST_TOKENS, math.ceil(PIECE_OPERATIONS / of_token))


@dataclass(slots=True)
class Sharing:
    """What is shared, and the count of it.

    Attributes:
        least_tokens: what a shared piece has to save.
        longest: rows with more tokens are not shared with others; None: all may be.
        n_tokens: tokens of the rows that were learnt from so far.
        n_computed: tokens of their lines.
    """

    least_tokens: int
    longest: int | None = None
    n_tokens: int = 0
    n_computed: int = 0

    @property
    def saved_fraction(self) -> float:
        """Share of the tokens that was not computed."""
        return 1 - self.n_computed / self.n_tokens if self.n_tokens else 0.0

    def count(self, rows: Sequence[np.ndarray]) -> None:
        """Counts some rows as if they were one micro-batch."""
        n_tokens = sum(map(len, rows))
        is_kept_apart = self.longest is not None and max(map(len, rows)) > self.longest
        self.n_tokens += n_tokens
        self.n_computed += n_tokens if is_kept_apart else grow(rows, self.least_tokens).n_tokens


def training_shares(wanted: bool | Literal["auto"], *, drops: bool, is_noisy: bool) -> bool:
    """Whether training computes shared prefixes once.

    Args:
        wanted: the setting.
        drops: whether anything is zeroed at random: a shared token would have one mask for all
            rows instead of one for each, which is another draw, so that has to be asked for.
        is_noisy: whether noise is added to each embedding.
    """
    return wanted is not False and not is_noisy and (wanted is True or not drops)
