"""DialogSum: {"fname": "dev_0", "dialogue": "#Person1#: Hello.", "summary": "They greet."}.

Test records have ``summary1`` to ``summary3`` instead; the hub's copy says ``id`` for ``fname``.
JSON lines or CSV.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example, Message
from tunesmith.data.format import Format, Record, text_field
from tunesmith.data.formats.write_turns import NAMES as NAMED
from tunesmith.data.formats.write_turns import WEIGHTS

SUMMARIES = ("summary", "summary1", "summary2", "summary3")
KEYS_OF_NAME = ("fname", "id")
WAY_OUT = "Add 'summary', or leave the record out with data.bad_rows=reject."


class DialogSum(Format):
    """Everyday dialogues with one to three summaries (Chen et al. 2021, arXiv:2105.06762).

    The group is the dialogue's name.
    """

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    name: Literal["dialogsum"] = "dialogsum"
    instruction: str = "Summarize the following conversation."
    """What the model is asked to do with the dialogue."""
    dialogue_key: str = "dialogue"
    """Field that holds the dialogue, its turns on lines of their own."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a dialogue with its summary, or with its file name where the summary is missing."""
        return "dialogue" in record and any(key in record for key in (*SUMMARIES, "fname"))

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a request to summarise; the first summary is the answer, the others references."""
        dialogue = text_field(record, self.dialogue_key, origin, setting="data.format.dialogue_key")
        summaries: list[str] = []
        for key in SUMMARIES:
            text = record.get(key)
            if text is None:
                continue
            if not isinstance(text, str):
                raise DataError(f"{origin}: {key!r} is no text.")
            if text.strip():
                summaries.append(text)
        if not summaries:
            raise DataError(f"{origin}: no summary; the record has {sorted(record)}. {WAY_OUT}")
        return Conversation(
            (Message("user", self.instruction, dialogue), Message("assistant", summaries[0])),
            origin,
            tuple(summaries[1:]),
            group=self.group(record),
        )

    def record(self, example: Example) -> dict[str, Any]:
        """Writes name, dialogue and summaries; the request must be this format's instruction."""
        conversation = cast("Conversation", example)
        match conversation.messages:
            case (
                Message(role="user", content=self.instruction, input=dialogue),
                Message(role="assistant", content=summary, input="", tool_calls=()),
            ) if dialogue and not conversation.tools:
                pass
            case _:
                raise self.cannot_hold(example, "anything but a dialogue and its summary")
        summaries = [summary, *conversation.references]
        if len(summaries) > 3:
            raise self.cannot_hold(example, "more than three summaries")
        keys = SUMMARIES[:1] if len(summaries) == 1 else SUMMARIES[1:]
        return {
            self.group_key or KEYS_OF_NAME[0]: conversation.group,
            self.dialogue_key: dialogue,
            **dict(zip(keys, summaries, strict=False)),
        }

    def lost(self, example: Example) -> Sequence[str]:
        """Names and weights."""
        messages = cast("Conversation", example).messages
        lost = {
            NAMED: any(m.name for m in messages),
            WEIGHTS: any(m.weight is not None for m in messages),
        }
        return [what for what, is_lost in lost.items() if is_lost]

    def group(self, record: Record) -> str:
        """The dialogue, by its name."""
        for key in KEYS_OF_NAME if self.group_key is None else (self.group_key,):
            if key in record:
                found = record[key]
                return str(found) if isinstance(found, (str, int)) else ""
        return ""
