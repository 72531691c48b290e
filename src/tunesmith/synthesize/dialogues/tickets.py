"""Tickets: exports with one conversation to a record, its messages in a list -> messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tunesmith.synthesize.dialogues import field_names as names
from tunesmith.synthesize.dialogues.fields import Chosen, Fields, find_fields
from tunesmith.synthesize.dialogues.markup import plain_text
from tunesmith.synthesize.dialogues.said import Said
from tunesmith.synthesize.dialogues.sides import side_of_word
from tunesmith.synthesize.dialogues.tables import message, text_of
from tunesmith.synthesize.dialogues.times import moment

Record = Mapping[str, Any]
NUMBER_KEYS = tuple(
    "conversation_id ticket_id case_id dialogue_id dialog_id thread_id chat_id session_id "
    "new_dialog_id original_dialog_id id key number uuid group".split()
)
MOST_KEYS = 200
"""Fields of one entry, with those of the objects in it."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One conversation of an export."""

    origin: str
    conversation: str
    messages: Sequence[Said]
    summary: str = ""


def is_ticket(record: Record) -> bool:
    """Whether a record holds its messages, or further tickets, in a list."""
    return _list_of(record) is not None or _heap(record) is not None


def inside(record: Record, origin: str) -> Iterator[tuple[Record, str]]:
    """The tickets, or the messages, of a record that is but a wrapper around them; else itself.

    ``{"tickets": [{"comments": [...]}]}`` gives the tickets.
    """
    heap = _heap(record)
    if heap is None:
        yield record, origin
        return
    for number, inner in enumerate(heap, 1):
        yield inner, f"{origin}/{number}"


class Tickets:
    """Reads the tickets of one file.

    Attributes:
        fields: those of the first message.
    """

    def __init__(self, file: str, chosen: Chosen) -> None:
        self.fields: Fields | None = None
        self._file = file
        self._chosen = chosen
        self._known: dict[tuple[str, ...], Fields] = {}

    def read(self, record: Record, origin: str) -> Ticket:
        """One ticket.

        Raises:
            DataError: two fields could each be the text.
        """
        found = _list_of(record)
        assert found is not None, "only tickets come here"
        flat = _flat(record)
        by_name = {names.plain(key): key for key in flat}
        chosen = self._chosen.conversation
        id_key = (
            chosen
            if chosen in flat
            else next((by_name[name] for name in NUMBER_KEYS if name in by_name), None)
        )
        conversation = text_of(flat, id_key)
        requester = next((flat[by_name[n]] for n in names.REQUESTER if n in by_name), None)
        messages: list[Said] = []
        for number, entry in enumerate(found, 1):
            flat_entry = _flat(entry)
            if requester is not None and not any(
                names.plain(key) in names.REQUESTER for key in flat_entry
            ):
                flat_entry["requester_id"] = requester
            fields = self._fields(flat_entry)
            place = f"{origin}/{number}"
            messages.append(message(flat_entry, fields, place, conversation))
        opening = self._opening(flat, by_name, origin, conversation)
        if opening is not None and not _is_same(opening, messages):
            messages.insert(0, opening)
        summary = next((text_of(flat, by_name[n]) for n in names.SUMMARY if n in by_name), "")
        return Ticket(origin, conversation, messages, summary)

    def _fields(self, entry: Record) -> Fields:
        keys = tuple(entry)
        if keys not in self._known:
            found = find_fields(keys, self._chosen, self._file, in_ticket=True)
            self._known[keys] = found
            if self.fields is None and found.text:
                self.fields = found
        return self._known[keys]

    def _opening(
        self, flat: Record, by_name: Mapping[str, str], origin: str, conversation: str
    ) -> Said | None:
        key = next((by_name[n] for n in names.OPENING if n in by_name), None)
        text = text_of(flat, key)
        if not text:
            return None
        author = "source_author_name" if "source_author_name" in by_name else "requester_name"
        word = flat.get(by_name.get("source_author_type", ""))
        time = next((flat[by_name[n]] for n in names.TIME if n in by_name), None)
        return Said(
            origin,
            text,
            conversation,
            text_of(flat, by_name.get(author)),
            side_of_word(word) or "customer",
            "word",
            moment(time),
            time is not None,
        )


def _list_of(record: Record) -> list[Record] | None:
    """The list of messages in a record, by its usual names; else the only one that is like it."""
    lists = dict(_lists(record))
    for name in names.MESSAGES:
        if name in lists and _has_text(lists[name]):
            return lists[name]
    alike = [entries for entries in lists.values() if _has_text(entries)]
    return alike[0] if len(alike) == 1 else None


def _heap(record: Record) -> list[Record] | None:
    """The tickets or the messages of many conversations that a record wraps."""
    for entries in dict(_lists(record)).values():
        if any(_list_of(entry) is not None for entry in entries[:5]):
            return entries
        told = {names.plain(key) for key in entries[0]}
        if _has_text(entries) and any(told & tier for tier in names.CONVERSATION[:1]):
            return entries
    return None


def _lists(record: Record) -> Iterator[tuple[str, list[Record]]]:
    """Lists of objects in a record, and in an object in it, by their plain names."""
    for key, value in record.items():
        inner = cast("Record", value) if isinstance(value, Mapping) else None
        if inner is not None:
            for below, entries in inner.items():
                if _are_objects(entries):
                    yield names.plain(str(below)), cast("list[Record]", entries)
        elif _are_objects(value):
            yield names.plain(str(key)), cast("list[Record]", value)


def _are_objects(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(entry, Mapping) for entry in cast("list[Any]", value))


def _has_text(entries: Sequence[Record]) -> bool:
    known = frozenset().union(*names.TEXT)
    return any(
        names.plain(key) in known and isinstance(value, str)
        for entry in entries[:20]
        for key, value in entry.items()
    )


def _flat(record: Record, before: str = "", depth: int = 2) -> dict[str, Any]:
    """Fields of a record and of the objects in it: ``{"author": {"name": 1}}``: ``author_name``."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            if depth:
                flat |= _flat(cast("Record", value), f"{before}{key}_", depth - 1)
        elif not isinstance(value, list) and len(flat) < MOST_KEYS:
            flat[f"{before}{key}"] = value
    return flat


def _is_same(opening: Said, messages: Sequence[Said]) -> bool:
    """Whether a ticket's first words are its first message, or its last where they run backward."""
    begins = _squeezed(opening.text)
    ends = (messages[0], messages[-1]) if messages else ()
    return any(_squeezed(said.text)[:200] == begins[:200] for said in ends)


def _squeezed(text: str) -> str:
    return "".join(plain_text(text).split())
