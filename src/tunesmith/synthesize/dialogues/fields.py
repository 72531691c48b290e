"""Fields: which column of an export holds what; unclear ones are asked for, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.synthesize.dialogues import field_names as names


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the user says; None: told by the names."""

    conversation: str | None = None
    speaker: str | None = None
    text: str | None = None
    time: str | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The field of each thing; None: there is none."""

    text: str | None = None
    conversation: str | None = None
    speaker: str | None = None
    author: str | None = None
    """The author's number, to be compared with the requester's."""
    requester: str | None = None
    role: str | None = None
    by_customer: str | None = None
    by_agent: str | None = None
    direction: str | None = None
    private: str | None = None
    public: str | None = None
    kind: str | None = None
    time: str | None = None
    order: str | None = None
    id: str | None = None
    parent: str | None = None

    @property
    def tells_speakers(self) -> bool:
        """Whether something says who writes."""
        told = (self.speaker, self.role, self.by_customer, self.by_agent, self.direction)
        return any(told)

    def as_dict(self) -> dict[str, str]:
        """What was found."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: key for name, key in found.items() if key}


def find_fields(
    keys: Sequence[str], chosen: Chosen, place: str, *, in_ticket: bool = False
) -> Fields:
    """Finds the fields by their names; a choice of the user's comes first.

    Args:
        keys: of a record.
        chosen: what the user says.
        place: for messages.
        in_ticket: the record is one of a ticket's messages: the ticket is the conversation, and
            some of its entries may lack a field.

    Raises:
        DataError: a chosen field is not there, or two could be meant.
    """
    by_name: dict[str, str] = {}
    for key in keys:
        by_name.setdefault(names.plain(key), key)

    def first(known: Sequence[str]) -> str | None:
        return next((by_name[name] for name in known if name in by_name), None)

    def only(what: str, tiers: names.Tiers) -> str | None:
        for tier in tiers:
            found = [key for name, key in by_name.items() if name in tier]
            if len(found) > 1:
                raise DataError(
                    f"{place}: {' and '.join(map(repr, found))} could each be the {what}. "
                    f"Say which with --{what}."
                )
            if found:
                return found[0]
        return None

    def said(what: str, key: str) -> str | None:
        if in_ticket and key not in keys:
            return None
        if key not in keys:
            raise DataError(
                f"{place}: no field {key!r} as --{what} says. {did_you_mean(key, keys)}"
            )
        return key

    parent = first(names.PARENT)
    text = said("text", chosen.text) if chosen.text else only("text", names.TEXT)
    conversation = None
    if not in_ticket:
        conversation = (
            said("conversation", chosen.conversation)
            if chosen.conversation
            else only("conversation", names.CONVERSATION)
        )
        if conversation is None and "ts" in by_name and "user" in by_name:
            conversation = by_name["ts"]  # a message outside any thread, as Slack exports it
    return Fields(
        text=text,
        conversation=conversation,
        speaker=said("speaker", chosen.speaker) if chosen.speaker else first(names.SPEAKER),
        author=first(names.AUTHOR),
        requester=first(names.REQUESTER),
        role=first(names.ROLE) if chosen.speaker is None else None,
        by_customer=first(names.BY_CUSTOMER) if chosen.speaker is None else None,
        by_agent=first(names.BY_AGENT) if chosen.speaker is None else None,
        direction=first(names.DIRECTION) if chosen.speaker is None else None,
        private=first(names.PRIVATE),
        public=first(names.PUBLIC),
        kind=first(names.KIND),
        time=said("time", chosen.time) if chosen.time else first(names.TIME),
        order=said("order", chosen.order) if chosen.order else first(names.ORDER),
        id=first(names.ID),
        parent=parent,
    )


def check_table(found: Fields, keys: Sequence[str], place: str) -> None:
    """Checks that a table of messages tells what is needed.

    Raises:
        DataError: it does not; names the columns and the option.
    """
    listed = ", ".join(map(repr, keys))
    if found.text is None:
        raise DataError(
            f"{place}: no column is known to hold what is said. The columns: {listed}. "
            "Name it with --text."
        )
    if found.conversation is None and (found.id is None or found.parent is None):
        raise DataError(
            f"{place}: no column is known to tell the conversation of a message, and none what it "
            f"replies to. The columns: {listed}. Name it with --conversation."
        )
    if not found.tells_speakers:
        raise DataError(
            f"{place}: no column is known to tell who writes. The columns: {listed}. "
            "Name it with --speaker."
        )
