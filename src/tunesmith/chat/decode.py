"""Decode: prompts -> answers in slots that are refilled, with the decoder's own keys and values."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from tunesmith.chat.generated import Generated
from tunesmith.chat.schedule import Schedule, Seat, Work
from tunesmith.chat.shared import Prefix, Ways, find_ways
from tunesmith.chat.writing import Writing
from tunesmith.model.decoder import Decoder
from tunesmith.model.kv_cache import SharedPrefix
from tunesmith.model.stretch import Stretch


def decode(decoder: Decoder, writing: Writing, *, shares: bool = True) -> Iterator[list[Generated]]:
    """Answers prompts, as many at once as the decoder has slots.

    Args:
        decoder: with empty slots.
        writing: what is to be written; its forward passes are wrapped only where that matters.
        shares: whether what prompts begin with in common is computed once.

    Yields:
        The rows, after every step that wrote to them.
    """
    ways = find_ways(writing.prompts, writing.wanted, shares=shares)
    schedule = Schedule(writing.prompts, ways, decoder.cache.n_slots, deque(ways.order))
    kept = _Kept(decoder, ways)
    around = nullcontext if decoder.is_held else writing.around_forward
    began: dict[int, float] = {}
    while not schedule.is_done:
        step = schedule.next()
        now = time.monotonic()
        for work in step:
            if work.seat is not None:
                began.setdefault(work.seat.row, now)
        with around():
            logits = decoder.step([kept.stretch(work) for work in step])  # [N, V]
        seats = [work.seat for work in step if work.is_asked and work.seat is not None]
        chosen = writing.next_ids(logits, [seat.row for seat in seats]).tolist() if seats else []
        now = time.monotonic()
        for seat, token in zip(seats, chosen, strict=True):
            seat.next_id = token
            if writing.is_over(seat.row, token):
                writing.rows[seat.row].latency_s = now - began[seat.row]
                kept.forget(schedule.leave(seat))
        schedule.close_up(kept.move)
        if seats:
            yield writing.rows


@dataclass(slots=True)
class _Kept:
    """What the decoder keeps: rows in its slots, and the prefixes that they share.

    Attributes:
        decoder: whose they are.
        ways: what each row begins with.
        prefixes: those that are computed.
    """

    decoder: Decoder
    ways: Ways
    prefixes: dict[Prefix, SharedPrefix] = field(default_factory=dict)

    def stretch(self, work: Work) -> Stretch:
        """What the decoder is to compute, and what that stands behind."""
        if work.prefix is not None:
            if work.prefix not in self.prefixes:
                begin, length = work.prefix.begin, len(work.prefix.ids)
                self.prefixes[work.prefix] = self.decoder.shared_prefix(begin, length)
            before = tuple(self.prefixes[one] for one in work.prefix.before)
            target = self.prefixes[work.prefix]
            return Stretch(work.ids, work.begin, before=before, prefix=target, is_asked=False)
        assert work.seat is not None
        way, slot = self.ways.of[work.seat.row], work.seat.slot
        if work.begin == sum(len(one.ids) for one in way):
            copied = [self.prefixes[one] for one in way if one.is_copied]
            self.decoder.cache.copy_in(slot, copied)
        before = tuple(self.prefixes[one] for one in way if not one.is_copied)
        return Stretch(work.ids, work.begin, slot, before=before, is_asked=work.is_asked)

    def move(self, seat: Seat, slot: int) -> None:
        """Copies what a seat's slot has to another."""
        way = self.ways.of[seat.row]
        n_apart = sum(len(one.ids) for one in way if not one.is_copied)
        self.decoder.cache.move(seat.slot, slot, seat.n_known - n_apart)

    def forget(self, prefixes: Iterable[Prefix]) -> None:
        """Gives the memory of prefixes back."""
        for prefix in prefixes:
            del self.prefixes[prefix]
