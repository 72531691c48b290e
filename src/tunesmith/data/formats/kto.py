"""KTO: one answer and whether it is wanted.

{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
 "label": true}
{"prompt": "Hi", "completion": "What?", "label": false}
{"instruction": "Greet.", "input": "", "output": "Hello!", "kto_tag": true}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example, Message, UnpairedPreference
from tunesmith.data.format import Record, needed_field, text_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.request import Request
from tunesmith.data.formats.turns import TurnFormat, first_key, turns_in
from tunesmith.data.formats.write_turns import lost_of_turns, tools_field, write_turns

MESSAGES = ("messages", "conversations", "conversation")
PROMPTS = ("prompt", "instruction")
COMPLETIONS = ("completion", "response", "output")
LABELS = ("label", "kto_tag")
WANTED = {"true": True, "1": True, "false": False, "0": False}


class Kto(TurnFormat):
    """Answers, each with whether it is wanted (Ethayarajh et al. 2024, arXiv:2402.01306)."""

    takes: ClassVar[tuple[type[Example], ...]] = (UnpairedPreference,)
    name: Literal["kto"] = "kto"
    messages_key: str | None = None
    """Field that holds the turns with the answer; None: found by the usual names."""
    prompt_key: str | None = None
    """Field that holds the request as a text, or the turns of the prompt, where the answer stands
    apart; None: found by the usual names."""
    completion_key: str | None = None
    """Field that holds the answer as a text or as turns; None: found by the usual names."""
    label_key: str | None = None
    """Field that tells whether the answer is wanted: true or false, 1 or 0; None: found by the
    usual names."""
    input_key: str | None = "input"
    """Field that holds the material a request works on; may be missing or empty. None: not
    used."""
    history_key: str | None = "history"
    """Field that holds turns before a request as pairs of texts; may be missing. None: not
    used."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a yes or no beside turns, or beside a prompt and its completion."""
        label = record.get(first_key(record, None, LABELS) or "")
        if _wanted(label) is None:
            return False
        if any(turns_in(record, key) for key in MESSAGES):
            return True
        if "prompt" in record:
            return any(key in record for key in COMPLETIONS)
        # Alpaca's fields beside a label of some other meaning are common.
        return isinstance(label, bool) and "instruction" in record and "output" in record

    def example(self, record: Record, origin: str) -> UnpairedPreference:
        """Makes an answer with its label; the answer is the last turn."""
        tools = self.tools(record, origin)
        key = first_key(record, self.label_key, LABELS) or LABELS[0]
        label = needed_field(record, key, origin, setting="data.format.label_key")
        desirable = _wanted(label)
        if desirable is None:
            raise DataError(
                f"{origin}: {key!r} is {label!r}, and true or false is needed: whether the answer "
                "is wanted."
            )
        messages = self.with_system(record, self._messages_of(record, origin), origin)
        check_order(messages, origin, ends_with="answer")
        return UnpairedPreference(messages, desirable, origin, tools, self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes the turns with the answer, and the label."""
        row = cast("UnpairedPreference", example)
        return {
            self.messages_key or MESSAGES[0]: write_turns(self, row.messages, row.origin),
            self.label_key or LABELS[0]: row.desirable,
            **tools_field(self, row.tools, row.origin),
            **self.grouped(row),
        }

    def lost(self, example: Example) -> Sequence[str]:
        """An input apart from its request; as ShareGPT, also names, ids and weights."""
        return lost_of_turns(self, cast("UnpairedPreference", example).messages)

    def _messages_of(self, record: Record, origin: str) -> tuple[Message, ...]:
        turns = None if self.prompt_key else first_key(record, self.messages_key, MESSAGES)
        if turns is not None:
            found = needed_field(record, turns, origin, setting="data.format.messages_key")
            return self.read_turns(found, origin, turns)
        return (*self._prompt(record, origin), *self._completion(record, origin))

    def _prompt(self, record: Record, origin: str) -> tuple[Message, ...]:
        key = first_key(record, self.prompt_key, PROMPTS) or PROMPTS[0]
        found = needed_field(record, key, origin, setting="data.format.prompt_key")
        if isinstance(found, list):
            return self.read_turns(cast("Any", found), origin, key)
        request = Request(
            key,
            self.input_key,
            self.system_key,
            self.history_key,
            setting="data.format.prompt_key",
            known=(*COMPLETIONS, *LABELS, *self._known),
        )
        return request.read(record, origin)

    def _completion(self, record: Record, origin: str) -> tuple[Message, ...]:
        key = first_key(record, self.completion_key, COMPLETIONS) or COMPLETIONS[0]
        setting = "data.format.completion_key"
        found = needed_field(record, key, origin, setting=setting)
        if isinstance(found, list):
            return self.read_turns(cast("Any", found), origin, key)
        return (Message("assistant", text_field(record, key, origin, setting=setting)),)


def _wanted(label: Any) -> bool | None:
    """What a label says; None where it is neither yes nor no."""
    if isinstance(label, bool):
        return label
    if isinstance(label, int | str):
        return WANTED.get(str(label).strip().lower())
    return None
