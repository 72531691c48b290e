"""KV cache: keys and values of rows in slots, and of the prefixes that rows share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

STEP = 64
"""Positions by which slots grow: so many tokens are written before anything is copied."""


class KVCache:
    """Keys and values of every layer, for slots that hold a row each.

    Attributes:
        keys: of each layer, [slots, Hkv, capacity, D]; always finite numbers.
        values: likewise.
        capacity: positions of a slot.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, int]],
        n_slots: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Starts without any positions.

        Args:
            shapes: of each layer, heads of keys and their width.
            n_slots: rows at once.
            dtype: of keys and values.
            device: where they are.
        """
        self.n_slots = n_slots
        self.capacity = 0
        self.keys, self.values = (
            [torch.zeros(n_slots, h, 0, d, dtype=dtype, device=device) for h, d in shapes]
            for _ in range(2)
        )

    def fit(self, n_positions: int, n_used: int) -> None:
        """Makes room for positions, and gives back what is far more than that.

        Args:
            n_positions: that slots are to have at least.
            n_used: the first slots, whose contents stay.
        """
        wanted = -(-n_positions // STEP) * STEP
        if self.capacity >= wanted and self.capacity <= 2 * wanted:
            return
        kept = min(self.capacity, wanted)
        for held in (self.keys, self.values):
            for layer, old in enumerate(held):  # one after the other: only one is there twice
                new = old.new_zeros(self.n_slots, old.shape[1], wanted, old.shape[3])
                new[:n_used, :, :kept] = old[:n_used, :, :kept]
                held[layer] = new
        self.capacity = wanted

    def move(self, source: int, target: int, length: int) -> None:
        """Copies a row to another slot.

        Args:
            source: its slot.
            target: the other one.
            length: positions of it that are written.
        """
        for held in (self.keys, self.values):
            for layer in held:
                layer[target, :, :length] = layer[source, :, :length]


class SharedPrefix:
    """Keys and values of tokens that several rows begin with, beside the slots.

    Attributes:
        begin: tokens that stand on the way before it.
        length: its tokens.
        keys: of each layer, [Hkv, length, D].
        values: likewise.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, int]],
        begin: int,
        length: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Takes room; the decoder fills it.

        Args:
            shapes: of each layer, heads of keys and their width.
            begin: tokens before it.
            length: its tokens.
            dtype: of keys and values.
            device: where they are.
        """
        self.begin = begin
        self.length = length
        self.keys, self.values = (
            [torch.empty(h, length, d, dtype=dtype, device=device) for h, d in shapes]
            for _ in range(2)
        )
