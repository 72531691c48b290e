"""KV cache: keys and values of rows in slots, and of the prefixes that rows share."""

from __future__ import annotations

from collections.abc import Sequence

import torch

STEP = 64
"""Slots have a multiple of so many positions."""


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

    def fit(self, n_positions: int) -> None:
        """Makes room for positions, and gives it back where it is three times what is needed.

        Args:
            n_positions: that slots need, at least all that are written.
        """
        if n_positions <= self.capacity <= 3 * n_positions + STEP:
            return
        wanted = -(-(n_positions + n_positions // 8) // STEP) * STEP
        kept = min(self.capacity, wanted)
        for held in (self.keys, self.values):
            for layer, old in enumerate(held):  # one after the other: only one is there twice
                new = old.new_zeros(self.n_slots, old.shape[1], wanted, old.shape[3])
                new[:, :, :kept] = old[:, :, :kept]
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

    def copy_in(self, slot: int, prefixes: Sequence[SharedPrefix]) -> None:
        """Copies what a row begins with into its empty slot.

        Args:
            slot: of the row.
            prefixes: in their order, all of them computed.
        """
        length = sum(prefix.length for prefix in prefixes)
        if length > self.capacity:
            self.fit(length)
        place = 0
        for prefix in prefixes:
            to = slice(place, place + prefix.length)
            for number in range(len(self.keys)):
                self.keys[number][slot, :, to] = prefix.keys[number]
                self.values[number][slot, :, to] = prefix.values[number]
            place = to.stop


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
