"""Two columns of a table or of JSON lines: {"prompt": "2 + 2 =", "completion": "4"}.

Each may hold messages: {"prompt": [{"role": "user", "content": "2 + 2 ="}],
                         "completion": [{"role": "assistant", "content": "4"}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.examples import Conversation, Example, Message
from tunesmith.data.format import Record, needed_field, text_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.turns import TurnFormat
from tunesmith.data.formats.write_turns import REFERENCES, lost_of_turns, tools_field, write_turns

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("instruction", "response"),
    ("question", "answer"),
    ("问", "答"),
    ("input", "output"),
    ("inputs", "summaries"),
    ("dialog", "summary"),
    ("document", "summary"),
    ("article", "highlights"),
    ("text", "summary"),
)
"""Names that go together; the first pair that a record has is taken."""


class Columns(TurnFormat):
    """A request in one column and its answer in another."""

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
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
        source, target = self._columns(record)
        tools = self.tools(record, origin)
        given = needed_field(record, source, origin, setting="data.format.input_key")
        if isinstance(given, list):
            prompt = self.read_turns(cast("Any", given), origin, source)
        else:
            text = text_field(record, source, origin, setting="data.format.input_key")
            prompt = (Message("user", self.instruction or text, text if self.instruction else ""),)
        learnt = needed_field(record, target, origin, setting="data.format.output_key")
        if isinstance(learnt, list):
            answer = self.read_turns(cast("Any", learnt), origin, target)
        else:
            text = text_field(record, target, origin, setting="data.format.output_key")
            answer = (Message("assistant", text),)
        messages = self.with_system(record, (*prompt, *answer), origin)
        check_order(prompt, origin, ends_with="request")
        check_order(messages, origin, ends_with="answer")
        return Conversation(messages, origin, tools=tools, group=self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes two texts where those say it all, else two lists of messages."""
        conversation = cast("Conversation", example)
        messages, origin = conversation.messages, conversation.origin
        check_order(messages, origin, ends_with="answer")
        source, target = self._columns({})
        match messages:
            case (Message(role="user") as request, Message(role="assistant") as answer) if _is_text(
                request
            ) and _is_text(answer):
                if self.instruction and not self._has_instruction(request):
                    raise self.cannot_hold(example, "a request other than its instruction")
                given = request.input if self.instruction else request.text
                fields: dict[str, Any] = {source: given, target: answer.text}
            case _:
                fields = {
                    source: write_turns(self, messages[:-1], origin),
                    target: write_turns(self, messages[-1:], origin),
                }
        tools = tools_field(self, conversation.tools, origin)
        return {**fields, **tools, **self.grouped(conversation)}

    def lost(self, example: Example) -> Sequence[str]:
        """Further references, and an input apart from its request."""
        conversation = cast("Conversation", example)
        messages = conversation.messages
        kept_apart = len(messages) == 2 and self._has_instruction(messages[0])
        lost = lost_of_turns(self, messages[1:] if kept_apart else messages)
        return [REFERENCES, *lost] if conversation.references else lost

    def _has_instruction(self, request: Message) -> bool:
        return bool(self.instruction and request.input) and request.content == self.instruction

    def _columns(self, record: Record) -> tuple[str, str]:
        pair = next(((a, b) for a, b in PAIRS if a in record and b in record), PAIRS[0])
        return self.input_key or pair[0], self.output_key or pair[1]


def _is_text(message: Message) -> bool:
    """Whether a message has nothing but what is said."""
    return not (message.name or message.tool_calls or message.weight is not None)
