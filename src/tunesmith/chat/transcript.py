"""Transcript: a dialogue as text, ``Agent: ...`` below ``Customer: ...``, and who is next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message

LABEL = re.compile(r"[ \t]*([^\W\d_][^\n:]{0,39}?)[ \t]*:(?!//)(?:[ \t]+|$)(.*)", re.DOTALL)
"""A name at the start of a line, its colon, and what is said: on that line at least."""
MOST_WORDS = 4
"""Words of a name: what has more before its colon is a sentence."""
MOST_SPEAKERS = 8


@dataclass(frozen=True, slots=True)
class Transcript:
    """A dialogue that is gone on with by one turn.

    Attributes:
        turns: who said what, in order.
        speaker: whose turn is next.
        text: the dialogue, ending with the name of the next speaker and a colon.
    """

    turns: tuple[tuple[str, str], ...]
    speaker: str
    text: str

    @property
    def others(self) -> list[str]:
        """Who else speaks, in the order of their first turns."""
        return list(dict.fromkeys(name for name, _ in self.turns if name != self.speaker))

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts with which a further turn would begin, the likeliest first."""
        names = self.others
        next_lines = [f"\n{name}:" for name in [*names, self.speaker]]
        # Some models go on in the same line, or set names in bold.
        return (*next_lines, *(f"{mark}{name}:" for mark in (" ", "**") for name in names))

    def turn(self, text: str) -> str:
        """What an answer says in the speaker's one turn: without a name before it.

        Args:
            text: the answer, up to a stop text.
        """
        said = text.strip()
        for name in [self.speaker, *self.others]:
            for label in (f"{name}:", f"**{name}:**", f"**{name}**:"):
                if said.startswith(label):
                    return said[len(label) :].strip() if name == self.speaker else ""
        return said

    def is_label_yet(self, text: str) -> bool:
        """Whether what is there may yet turn out to be no more than a name."""
        longest = max(len(name) for name in [self.speaker, *self.others]) + len("****: ")
        return len(text.strip()) <= longest

    def conversation(self, origin: str) -> Conversation:
        """The same as turns of a chat: the speaker is the assistant, everybody else the user.

        What the speaker says before anybody else stands in the first request, as chat templates
        begin with the user.
        """
        several = len(self.others) > 1
        messages: list[Message] = []
        opening: list[str] = []
        for name, said in self.turns:
            if name == self.speaker and not messages:
                opening.append(f"{name}: {said}")
                continue
            role = "assistant" if name == self.speaker else "user"
            content = f"{name}: {said}" if role == "user" and (several or opening) else said
            content = "\n".join([*opening, content])
            opening = []
            if messages and messages[-1].role == role:
                content = f"{messages.pop().content}\n{content}"
            messages.append(Message(role, content))
        if messages[-1].role == "assistant":  # who goes on speaking; no chat template has that
            messages = [Message("user", self.text)]
        return Conversation(tuple(messages), origin)


def transcript_of(text: str) -> Transcript | None:
    """Reads a dialogue; None where a text is none.

    It is one if it begins with a name and a colon and at least two speak; and if it ends either
    with a name alone, whose turn then is next, or two speak in it at least three times, and the
    next turn is of the one who did not speak last.
    """
    turns = _turns(text)
    if turns is None:
        return None
    names = list(dict.fromkeys(name for name, _ in turns))
    if not 2 <= len(names) <= MOST_SPEAKERS:
        return None
    last, said = turns[-1]
    if not said:
        spoken = tuple(turns[:-1])
        return Transcript(spoken, last, text.rstrip()) if all(s for _, s in spoken) else None
    if len(names) != 2 or len(turns) < 3 or not all(s for _, s in turns):
        return None
    speaker = names[0] if last == names[1] else names[1]
    return Transcript(tuple(turns), speaker, f"{text.rstrip()}\n{speaker}:")


def as_transcript(messages: Sequence[Message], origin: str) -> Transcript:
    """Turns of a chat as text, for a model that knows no roles.

    Raises:
        DataError: a message is of a role that a transcript has no name for.
    """
    names = {"user": "User", "assistant": "Assistant"}
    leading = [message.text for message in messages[:1] if message.role == "system"]
    spoken = messages[len(leading) :]
    if odd := next((message.role for message in spoken if message.role not in names), None):
        raise DataError(
            f"{origin}: has a message of the {odd}, and a base model is asked in plain text. Name "
            "a template that knows it: template='llama2' or another."
        )
    turns = tuple((names[message.role], message.text.strip()) for message in spoken)
    lines = [*leading, *(f"{name}: {said}" for name, said in turns), "Assistant:"]
    return Transcript(turns, "Assistant", "\n".join(lines))


def _turns(text: str) -> list[tuple[str, str]] | None:
    """Who said what; None where the text does not begin with a name."""
    turns: list[tuple[str, str]] = []
    for line in text.strip().split("\n"):
        found = LABEL.fullmatch(line)
        if found and len(found[1].split()) <= MOST_WORDS:
            turns.append((found[1].strip(), found[2].strip()))
        elif not turns:
            return None
        else:
            name, said = turns[-1]
            turns[-1] = (name, f"{said}\n{line.strip()}".strip())
    return turns
