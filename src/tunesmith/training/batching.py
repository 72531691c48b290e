"""Batching: how the rows of a step are divided into micro-batches; needs no torch.

A step is the recipe's: which rows it holds, and what its loss is divided by, never depends on what
is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tunesmith.data.packing import slices, spread
from tunesmith.training.plan import plan_epoch
from tunesmith.training.settings import Train

FIXED_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Tokens of a micro-batch where nothing is measured, by device: on a CPU about the fastest for a
model of 110 million weights (``benchmarks/batches.py``); on a GPU not measured."""
FIXED_WIDTH, MOST_FIXED_TOKENS = 768, 8192
"""On a CPU, the width of states to which that belongs. Narrower ones fill as much memory with more
tokens, and products of few numbers each gain by it: with 288, 1.1 times in bfloat16."""
ROW_BY_ROW = 1.06
"""Time of a packed micro-batch by that of a padded one of as many tokens, where attention goes row
after row: 3 to 8 % more (``benchmarks/packing.py``)."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How a step is divided.

    Attributes:
        packs: whether the rows of a micro-batch share a line without padding.
        rows_at_once: of a micro-batch, at most.
        tokens_at_once: of a micro-batch, at most, padding included; a longer row is alone; None:
            as many as its rows have.
        of: the settings that it was made of.
        why_packs: why it packs or pads, in words.
        why_tokens: where its number of tokens comes from, in words.
    """

    packs: bool
    rows_at_once: int
    tokens_at_once: int | None
    of: tuple[Any, ...] = ()
    why_packs: str = ""
    why_tokens: str = ""

    def divide(self, sizes: np.ndarray) -> list[list[int]]:
        """Divides a step.

        Args:
            sizes: [N] tokens of its rows.

        Returns:
            For each micro-batch the places of its rows.
        """
        if self.tokens_at_once is None:
            size = self.rows_at_once
            return [
                list(range(start, min(start + size, len(sizes))))
                for start in range(0, len(sizes), size)
            ]
        into = spread if self.packs else slices
        return into(sizes, self.tokens_at_once, self.rows_at_once)

    def size(self, sizes: np.ndarray) -> int:
        """What memory a micro-batch takes: its tokens with padding, or its rows without a limit.

        Args:
            sizes: [N] tokens of its rows.
        """
        return self.size_of(len(sizes), int(sizes.sum()), int(sizes.max(initial=0)))

    def size_of(self, n_rows: int, n_tokens: int, longest: int) -> int:
        """The :meth:`size` of so many rows with so many tokens, and the longest one's.

        Args:
            n_rows: of a micro-batch.
            n_tokens: of all of them.
            longest: tokens of the longest.
        """
        if self.tokens_at_once is None:
            return n_rows
        return n_tokens if self.packs else longest * n_rows

    def least(self, sizes: np.ndarray) -> int:
        """The :meth:`size` of a step that is divided as far as it can be."""
        return 1 if self.tokens_at_once is None else int(sizes.max())

    def within(self, size: int) -> Batching:
        """The same with micro-batches of at most this :meth:`size`."""
        if self.tokens_at_once is None:
            return replace(self, rows_at_once=min(size, self.rows_at_once))
        return replace(self, tokens_at_once=min(size, self.tokens_at_once))

    @property
    def limit(self) -> int:
        """The largest :meth:`size`, but of a row alone."""
        return self.rows_at_once if self.tokens_at_once is None else self.tokens_at_once

    @property
    def unit(self) -> str:
        """What :meth:`size` counts, as messages call it."""
        return "rows" if self.tokens_at_once is None else "tokens"

    @property
    def told(self) -> str:
        """What was chosen and why, in a line."""
        form = "packed" if self.packs else "padded"
        size = f"{self.limit:,} {self.unit}"
        return f"micro-batches of up to {size} ({self.why_tokens}), {form} ({self.why_packs})"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "of": list(self.of)}

    @classmethod
    def kept(cls, fields: Mapping[str, Any] | None, settings: Train) -> Batching | None:
        """What :meth:`as_dict` gave, if it was made of the same settings; else None."""
        if fields is None or fields["of"] != list(made_of(settings)):
            return None
        return cls(**{**fields, "of": tuple(fields["of"])})


def made_of(settings: Train) -> tuple[Any, ...]:
    """The settings that decide the batching."""
    return (
        settings.batch_size,
        settings.micro_batch_size,
        settings.tokens_at_once,
        settings.packing,
        settings.neftune_alpha,
        settings.fused,
    )


def fixed_tokens(device: str, width: int | None = None) -> int:
    """Tokens of a micro-batch where nothing is measured.

    Args:
        device: ``cpu`` or ``cuda``.
        width: of the model's states; None: not known.
    """
    found = FIXED_TOKENS.get(device, FIXED_TOKENS["cuda"])
    if device != "cpu" or not width or width >= FIXED_WIDTH:
        return found
    return min(found * FIXED_WIDTH // width, MOST_FIXED_TOKENS)


def fixed_batching(
    settings: Train,
    lengths: Sequence[int] | np.ndarray,
    device: str,
    *,
    width: int | None = None,
    unpadded: bool = False,
    unpackable: str | None = None,
    row_by_row: float = ROW_BY_ROW,
) -> Batching:
    """What settings come to where nothing is measured; a pure function.

    Args:
        settings: of the loop.
        lengths: tokens of each row.
        device: ``cpu`` or ``cuda``.
        width: of the model's states; None: not known.
        unpadded: whether the model computes no padding, so that packed rows cost nothing.
        unpackable: why rows cannot share a line; None: they can.
        row_by_row: what packed rows cost else, by padded ones of as many tokens.
    """
    by_rows = settings.micro_batch_size
    tokens, why = settings.tokens_at_once, "train.tokens_at_once"
    if tokens is None and by_rows is None:
        tokens, why = fixed_tokens(device, width), f"fixed for a {device}"
    elif tokens is None and settings.packing is True:
        assert by_rows is not None
        tokens = by_rows * int(max(lengths, default=1))
        why = f"train.micro_batch_size={by_rows} of the longest"
    elif tokens is None:
        why = "train.micro_batch_size"
    found = Batching(
        packs=settings.packing is True,
        # A line has as many rows as there is room for.
        rows_at_once=settings.batch_size
        if by_rows is None or (settings.packing is True and settings.tokens_at_once is None)
        else by_rows,
        tokens_at_once=tokens,
        of=made_of(settings),
        why_packs=f"train.packing={str(settings.packing).lower()}",
        why_tokens=why,
    )
    if settings.packing != "auto":
        return found
    packs, reason = _pays(found, settings, lengths, unpadded, unpackable, row_by_row)
    return replace(found, packs=packs, why_packs=reason)


def _pays(
    batching: Batching,
    settings: Train,
    lengths: Sequence[int] | np.ndarray,
    unpadded: bool,
    unpackable: str | None,
    row_by_row: float,
) -> tuple[bool, str]:
    """Whether packing takes less time, and why."""
    if settings.neftune_alpha is not None:
        return False, "noise on embeddings is bounded by a padded row's length"
    if settings.micro_batch_size is not None:
        return False, "train.micro_batch_size counts padded rows"
    if unpackable is not None:
        return False, unpackable
    if unpadded:
        return True, "the fused layers compute no padding"
    padding = padding_cost(batching, settings, lengths)
    facts = f"padding would cost {padding - 1:.1%}, rows side by side {row_by_row - 1:.0%}"
    return padding > row_by_row, facts


def padding_cost(
    batching: Batching, settings: Train, lengths: Sequence[int] | np.ndarray, n_rows: int = 8192
) -> float:
    """Places by tokens in padded micro-batches of the first epoch.

    Args:
        batching: how steps are divided.
        settings: of the loop.
        lengths: tokens of each row.
        n_rows: rows that it is counted over; of more, so many are taken at equal distances.
    """
    sizes = np.asarray(lengths)
    if len(sizes) > n_rows:
        sizes = sizes[np.linspace(0, len(sizes) - 1, n_rows).astype(int)]
    if not len(sizes):
        return 1.0
    padded = replace(batching, packs=False)
    steps = plan_epoch(
        sizes,
        batch_size=settings.batch_size,
        batching=padded,
        seed=settings.seed,
        epoch=0,
        shuffle=settings.shuffle,
        group_by_length=settings.length_grouping,
    )
    places = sum(int(sizes[micro].max()) * len(micro) for step in steps for micro in step)
    return places / int(sizes.sum())
