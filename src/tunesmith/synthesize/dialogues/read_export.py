"""Read an export: the records of a file -> its conversations, whatever shape it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from tunesmith.core.errors import DataError
from tunesmith.data.files.located import Notice, shown
from tunesmith.data.files.section import DataFile
from tunesmith.data.formats.tweetsumm_layouts import layout_of
from tunesmith.data.records import read_records
from tunesmith.synthesize.dialogues import published
from tunesmith.synthesize.dialogues.account import Account
from tunesmith.synthesize.dialogues.fields import Chosen, Fields
from tunesmith.synthesize.dialogues.gather import Gather, Gathered
from tunesmith.synthesize.dialogues.roles import Roles, Settled
from tunesmith.synthesize.dialogues.tables import Table
from tunesmith.synthesize.dialogues.tickets import Tickets, inside, is_ticket

UNREADABLE = "a record that cannot be read"
UNORDERED = "conversations whose times cannot be read stay in the order of the file"


class Export:
    """One file of an export.

    Attributes:
        shape: ``table``, ``tickets`` or ``tweetsumm``, once it is read.
    """

    def __init__(self, file: DataFile, chosen: Chosen, roles: Roles, account: Account) -> None:
        self.shape = ""
        self._file = file
        self.name = shown(file)
        self._roles = roles
        self._account = account
        self._table = Table(self.name, chosen)
        self._tickets = Tickets(self.name, chosen)
        self._n_unordered = 0

    @property
    def fields(self) -> Fields | None:
        """Which field holds what; None where the layout is a published one."""
        return self._table.fields or self._tickets.fields

    def conversations(self) -> Iterator[tuple[Gathered, Settled]]:
        """Every conversation with its sides settled; what cannot be used is counted.

        Raises:
            DataError: the file cannot be read, or its columns are unclear.
        """
        with closing(Gather()) as gather:
            for item in read_records(self._file):
                if isinstance(item, Notice):
                    self._account.notices.append(item.text)
                elif isinstance(item, DataError):
                    self._unreadable(item)
                else:
                    yield from self._record(item, gather)
            if not self.shape:
                raise DataError(f"{self.name}: holds no record. Fill it, or leave it away.")
            if self.shape == "tickets" and self._tickets.fields is None:
                raise DataError(
                    f"{self.name}: no field is known to hold what is said. Name it with --text."
                )
            for found in gather.conversations():
                self._n_unordered += not found.is_ordered
                yield found, self._roles.settle(found.messages, gather.n_conversations)
        if self._n_unordered:
            self._account.notices.append(f"{self.name}: {self._n_unordered:,} {UNORDERED}.")

    def _record(
        self, record: tuple[str, dict[str, object]], gather: Gather
    ) -> Iterator[tuple[Gathered, Settled]]:
        origin, fields = record
        if (read := layout_of(fields)) is not None:
            self.shape = "tweetsumm"
            try:
                dialogue = read(fields, origin)
            except DataError as error:
                self._unreadable(error)
                return
            messages = published.messages_of(dialogue, origin)
            self._account.find(len(messages))
            name = published.name_of(fields, dialogue)
            group = dialogue.group or name or origin
            found = Gathered(name, group, messages, dialogue.summaries[0], is_ordered=True)
            problem = "" if all(m.side for m in messages) else "nothing tells who speaks"
            told_by = messages[0].told_by if messages else ""
            yield found, Settled(messages, told_by, problem)
            return
        for inner, place in inside(fields, origin):
            if is_ticket(inner):
                self.shape = "tickets"
                ticket = self._tickets.read(inner, place)
                if not ticket.messages:
                    self._account.find(0)
                    self._account.skip("no messages", place, ())
                for said in ticket.messages:
                    self._account.find(1, conversation=False)
                    gather.add(said, f"ticket {place}")
                if ticket.summary:
                    gather.add_summary(f"ticket {place}", ticket.summary)
                continue
            self.shape = self.shape or "table"
            said = self._table.read(inner, place)
            if isinstance(said, DataError):
                self._unreadable(said)
                continue
            self._account.find(1, conversation=False)
            gather.add(said, f"id {said.conversation}" if said.conversation else "")

    def _unreadable(self, error: DataError) -> None:
        """Counts a record that tells nothing: of a table a message, else a conversation."""
        lead = self.name if str(error).startswith(self.name) else ""
        place, _, reason = str(error).removeprefix(lead).partition(": ")
        if self.shape == "table" or not self.shape:
            self._account.find(1, conversation=False)
            self._account.drop(reason.rstrip("."), lead + place)
        else:
            self._account.find(0)
            self._account.skip(reason.rstrip("."), lead + place, ())
