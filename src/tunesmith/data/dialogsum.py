"""DialogSum: {"fname": "dev_0", "dialogue": "#Person1#: Hello.", "summary": "They greet."}.

Test records have ``summary1`` to ``summary3`` instead. JSON lines or CSV.
"""

from __future__ import annotations

from typing import Literal

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.format import Format, Record, text_field

SUMMARIES = ("summary", "summary1", "summary2", "summary3")


class DialogSum(Format):
    """Everyday dialogues with one to three summaries (Chen et al. 2021, arXiv:2105.06762)."""

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
        dialogue = text_field(
            record, self.dialogue_key, origin, setting="data.format.dialogue_key"
        ).strip()
        for key in SUMMARIES:
            if not isinstance(record.get(key, ""), str | None):
                raise DataError(f"{origin}: {key!r} is no text.")
        written = [str(record[key]).strip() for key in SUMMARIES if record.get(key)]
        summaries = [text for text in written if text]
        if not summaries:
            raise DataError(
                f"{origin}: no summary; the record has {sorted(record)}. Add 'summary', or leave "
                "the record out with data.bad_rows=reject."
            )
        return Conversation(
            (Message("user", self.instruction, dialogue), Message("assistant", summaries[0])),
            origin,
            tuple(summaries[1:]),
        )
