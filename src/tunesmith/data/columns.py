"""Two columns of a table or of JSON lines: {"prompt": "2 + 2 =", "completion": "4"}."""

from __future__ import annotations

from typing import Literal

from tunesmith.core.examples import Conversation, Message
from tunesmith.data.format import Format, Record, text_field

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("instruction", "response"),
    ("question", "answer"),
    ("input", "output"),
    ("inputs", "summaries"),
    ("dialog", "summary"),
    ("document", "summary"),
    ("article", "highlights"),
    ("text", "summary"),
)
"""Names that go together; the first pair that a record has is taken."""


class Columns(Format):
    """A request in one column and its answer in another."""

    name: Literal["columns"] = "columns"
    input_key: str | None = None
    """Column that is given to the model; None: found by the usual names."""
    output_key: str | None = None
    """Column that the model learns to write; None: found by the usual names."""
    instruction: str = ""
    """A request to put before every input, for example ``Summarize the conversation.``"""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By one of the usual pairs of names."""
        return any(a in record and b in record for a, b in PAIRS)

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation of one request and its answer."""
        pair = next(((a, b) for a, b in PAIRS if a in record and b in record), PAIRS[0])
        source, target = self.input_key or pair[0], self.output_key or pair[1]
        given = text_field(record, source, origin, setting="data.format.input_key").strip()
        answer = text_field(record, target, origin, setting="data.format.output_key").strip()
        request = (
            Message("user", self.instruction, given) if self.instruction else Message("user", given)
        )
        return Conversation((request, Message("assistant", answer)), origin)
