"""Decode: prompts -> answers in slots that are refilled, with the decoder's own keys and values."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor

from tunesmith.chat.generated import Generated
from tunesmith.chat.schedule import Schedule, Seat, Work
from tunesmith.chat.shared import Prefix, find_ways
from tunesmith.model.decoder import Decoder
from tunesmith.model.kv_cache import SharedPrefix
from tunesmith.model.stretch import Stretch


def decode(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    rows: list[Generated],
    limits: Sequence[int],
    *,
    end_ids: frozenset[int],
    is_done: Callable[[list[int]], bool],
    next_ids: Callable[[Tensor, list[int]], Tensor],
    shares: bool = True,
    around_forward: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[Generated]]:
    """Answers prompts, as many at once as the decoder has slots.

    Args:
        decoder: with empty slots.
        prompts: token ids of each row, none empty.
        rows: their answers, empty; written to.
        limits: most tokens of each answer.
        end_ids: tokens that end an answer.
        is_done: asked after every token whether the answer is over by its text.
        next_ids: chooses the next tokens from logits [N, V] of the rows with these numbers.
        shares: whether what prompts begin with in common is computed once.
        around_forward: opened for each forward pass that needs it.

    Yields:
        ``rows``, after every step that wrote to them.
    """
    ways = find_ways(prompts, [i for i, limit in enumerate(limits) if limit > 0], shares=shares)
    schedule = Schedule(prompts, ways, decoder.cache.n_slots, deque(ways.order))
    prefixes: dict[Prefix, SharedPrefix] = {}
    around = nullcontext if decoder.is_held else around_forward
    began: dict[int, float] = {}

    def stretch(work: Work) -> Stretch:
        if work.prefix is not None:
            if work.prefix not in prefixes:
                begin, length = work.prefix.begin, len(work.prefix.ids)
                prefixes[work.prefix] = decoder.shared_prefix(begin, length)
            before = tuple(prefixes[one] for one in work.prefix.before)
            target = prefixes[work.prefix]
            return Stretch(work.ids, work.begin, before=before, prefix=target, is_asked=False)
        assert work.seat is not None
        way, slot = ways.of[work.seat.row], work.seat.slot
        if work.begin == sum(len(one.ids) for one in way):
            decoder.cache.copy_in(slot, [prefixes[one] for one in way if one.is_copied])
        before = tuple(prefixes[one] for one in way if not one.is_copied)
        return Stretch(work.ids, work.begin, slot, before=before, is_asked=work.is_asked)

    def move(seat: Seat, slot: int) -> None:
        n_apart = sum(len(one.ids) for one in ways.of[seat.row] if not one.is_copied)
        decoder.cache.move(seat.slot, slot, seat.n_known - n_apart)

    while not schedule.is_done:
        step = schedule.next()
        now = time.monotonic()
        for work in step:
            if work.seat is not None:
                began.setdefault(work.seat.row, now)
        with around():
            logits = decoder.step([stretch(work) for work in step])  # [N, V]
        seats = [work.seat for work in step if work.is_asked and work.seat is not None]
        chosen = next_ids(logits, [seat.row for seat in seats]).tolist() if seats else []
        now = time.monotonic()
        for seat, token in zip(seats, chosen, strict=True):
            row = rows[seat.row]
            seat.next_id = token
            row.ended = token in end_ids
            if not row.ended:
                row.ids.append(token)
                row.ended = is_done(row.ids)
            if row.ended or len(row.ids) >= limits[seat.row]:
                row.latency_s = now - began[seat.row]
                for prefix in schedule.leave(seat):
                    del prefixes[prefix]
        schedule.close_up(move)
        if seats:
            yield rows
