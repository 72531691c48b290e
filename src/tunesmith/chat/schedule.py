"""Schedule: which rows are in which slots, and which of their tokens a step computes.

A slot that gets free takes the next row in the same step; what rows say does not depend on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tunesmith.chat.shared import Prefix, Ways

STEP_TOKENS = 2048
"""Tokens of prompts that a step computes at most; it bounds memory, whatever prompts there are."""


@dataclass(eq=False, slots=True)
class Seat:
    """A row that is being written.

    Attributes:
        row: its number.
        slot: where its keys and values are.
        n_known: its tokens whose keys and values are kept, those of prefixes among them.
        next_id: the token that is computed next; None while the prompt is computed.
    """

    row: int
    slot: int
    n_known: int
    next_id: int | None = None


@dataclass(slots=True)
class Work:
    """Tokens that a step computes.

    Attributes:
        ids: the tokens.
        begin: tokens of the row before them.
        seat: whose they are; None: a prefix's.
        prefix: whose they are; None: a seat's.
        is_asked: whether the token behind them is wanted.
    """

    ids: Sequence[int]
    begin: int
    seat: Seat | None = None
    prefix: Prefix | None = None
    is_asked: bool = False


@dataclass(slots=True)
class Schedule:
    """Rows on their way through the slots.

    Attributes:
        prompts: token ids of each row.
        ways: what they share.
        n_slots: rows at once.
        waiting: rows that have no slot yet, in their order.
        seats: of each slot, from the first to the last that is taken.
        kept: prefixes that are computed or are about to be, with the rows that still need them.
    """

    prompts: Sequence[Sequence[int]]
    ways: Ways
    n_slots: int
    waiting: deque[int]
    seats: list[Seat | None] = field(default_factory=list)
    kept: dict[Prefix, int] = field(default_factory=dict)
    _prompts_left: deque[Work] = field(default_factory=deque)

    @property
    def is_done(self) -> bool:
        """Whether no row is left."""
        return not self.waiting and not any(self.seats)

    def next(self) -> list[Work]:
        """What the next step computes; rows that wait are admitted."""
        found = [
            Work((seat.next_id,), seat.n_known, seat, is_asked=True)
            for seat in self.seats
            if seat is not None and seat.next_id is not None
        ]
        room = STEP_TOKENS
        while room:
            if not self._prompts_left and not self._admit():
                break
            work = self._prompts_left.popleft()
            now, later = work.ids[:room], work.ids[room:]
            if later:
                rest = Work(later, work.begin + len(now), work.seat, work.prefix, work.is_asked)
                self._prompts_left.appendleft(rest)
                work = Work(now, work.begin, work.seat, work.prefix)
            room -= len(now)
            found.append(work)
            # Rows have their copies of it before they go on: from the next step on.
            if work.prefix is not None and work.prefix.is_copied:
                break
        for work in found:
            if work.seat is not None:
                work.seat.n_known += len(work.ids)
        return found

    def _admit(self) -> bool:
        """Gives the next row a slot; whether there was one of both."""
        slot = next((i for i, seat in enumerate(self.seats) if seat is None), len(self.seats))
        if not self.waiting or slot == self.n_slots:
            return False
        row = self.waiting.popleft()
        way, prompt = self.ways.of[row], self.prompts[row]
        for prefix in way:
            if prefix not in self.kept:
                self.kept[prefix] = prefix.n_rows
                self._prompts_left.append(Work(prefix.ids, prefix.begin, prefix=prefix))
        begin = sum(len(prefix.ids) for prefix in way)
        seat = Seat(row, slot, begin)
        if slot == len(self.seats):
            self.seats.append(seat)
        else:
            self.seats[slot] = seat
        self._prompts_left.append(Work(prompt[begin:], begin, seat, is_asked=True))
        return True

    def leave(self, seat: Seat) -> list[Prefix]:
        """Frees a row's slot.

        Returns:
            Prefixes that no row needs any more.
        """
        self.seats[seat.slot] = None
        unneeded: list[Prefix] = []
        for prefix in self.ways.of[seat.row]:
            self.kept[prefix] -= 1
            if not self.kept[prefix]:
                del self.kept[prefix]
                unneeded.append(prefix)
        return unneeded

    def close_up(self, move: Callable[[Seat, int], None]) -> None:
        """Where no row waits for them, fills free slots with the last ones.

        Args:
            move: copies what a seat's slot has to another.
        """
        while self.seats and self.seats[-1] is None:
            self.seats.pop()
        for slot, seat in enumerate(self.seats):
            if self.waiting or slot >= len(self.seats):
                return
            if seat is None:
                last = self.seats.pop()
                assert last is not None
                move(last, slot)
                last.slot, self.seats[slot] = slot, last
                while self.seats and self.seats[-1] is None:
                    self.seats.pop()
