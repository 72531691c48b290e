r"""Preferences: a prompt with a better and a worse answer, in each of the usual layouts.

{"conversations": [{"from": "human", "value": "Hi"}],
 "chosen": {"from": "gpt", "value": "Hello!"}, "rejected": {"from": "gpt", "value": "What?"}}
{"instruction": "Greet.", "input": "", "chosen": "Hello!", "rejected": "What?"}
{"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"}
{"prompt": [{"role": "user", "content": "Hi"}],
 "chosen": [{"role": "assistant", "content": "Hello!"}],
 "rejected": [{"role": "assistant", "content": "What?"}]}
{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
 "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "What?"}]}
{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!",
 "rejected": "\n\nHuman: Hi\n\nAssistant: What?"}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example, Message, Preference
from tunesmith.data.format import Record, needed_field, text_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.request import Request
from tunesmith.data.formats.transcript import is_transcript, read_transcript
from tunesmith.data.formats.turns import TurnFormat, first_key
from tunesmith.data.formats.write_turns import lost_of_turns, tools_field, write_turns

MESSAGES = ("conversations", "messages", "conversation")
PROMPTS = ("instruction", "prompt", "question")
CHOSEN = ("chosen", "chosen_messages")
REJECTED = ("rejected", "rejected_messages")
Messages = tuple[Message, ...]


class PreferencePairs(TurnFormat):
    """Prompts, each with a better and a worse answer."""

    takes: ClassVar[tuple[type[Example], ...]] = (Preference,)
    name: Literal["preference"] = "preference"
    messages_key: str | None = None
    """Field that holds the turns of the prompt; None: found by the usual names. Where it is set,
    records are written with it, as ShareGPT's are, else with ``prompt``."""
    prompt_key: str | None = None
    """Field that holds the request as a text, or the turns of the prompt; None: found by the
    usual names. Without any prompt, the two transcripts are compared: it is what they share."""
    input_key: str | None = "input"
    """Field that holds the material a request works on; may be missing or empty. None: not
    used."""
    history_key: str | None = "history"
    """Field that holds turns before a request as pairs of texts; may be missing. None: not
    used."""
    chosen_key: str | None = None
    """Field that holds the better answer: a text, a turn, turns, or the whole transcript; None:
    found by the usual names."""
    rejected_key: str | None = None
    """Field that holds the worse answer, in the same layout."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a chosen and a rejected answer."""
        return all(
            isinstance(record.get(first_key(record, None, keys) or ""), str | list | dict)
            for keys in (CHOSEN, REJECTED)
        )

    def example(self, record: Record, origin: str) -> Preference:
        """Makes a preference; where both answers are whole transcripts, finds their prompt."""
        tools = self.tools(record, origin)
        prompt = self._prompt(record, origin)
        chosen = self._answer(record, self.chosen_key, CHOSEN, origin)
        rejected = self._answer(record, self.rejected_key, REJECTED, origin)
        if chosen[0].role != "assistant" or rejected[0].role != "assistant":
            prompt, chosen, rejected = _divided(prompt, chosen, rejected, origin)
        if not prompt:
            raise DataError(
                f"{origin}: no prompt; the record has {sorted(record)}. Set data.format.prompt_key "
                "or data.format.messages_key to the right one."
            )
        prompt = self.with_system(record, prompt, origin)
        check_order(prompt, origin, ends_with="request")
        check_order((*prompt, *chosen), origin, ends_with="answer")
        check_order((*prompt, *rejected), origin, ends_with="answer")
        return Preference(prompt, chosen, rejected, origin, tools, self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes three lists of messages, or with ``messages_key`` ShareGPT's ranked layout."""
        pair = cast("Preference", example)
        origin = pair.origin
        ranked = self.messages_key is not None

        def answer(messages: Messages) -> Any:
            turns = write_turns(self, messages, origin)
            return turns[0] if ranked and len(turns) == 1 else turns

        return {
            self.messages_key or self.prompt_key or "prompt": write_turns(
                self, pair.messages, origin
            ),
            self.chosen_key or CHOSEN[0]: answer(pair.chosen),
            self.rejected_key or REJECTED[0]: answer(pair.rejected),
            **tools_field(self, pair.tools, origin),
            **self.grouped(pair),
        }

    def lost(self, example: Example) -> Sequence[str]:
        """An input apart from its request; as ShareGPT, also names, ids and weights."""
        pair = cast("Preference", example)
        return lost_of_turns(self, (*pair.messages, *pair.chosen, *pair.rejected))

    def _prompt(self, record: Record, origin: str) -> Messages:
        """The turns before the answers; none where the record has no field for them."""
        turns = None if self.prompt_key else first_key(record, self.messages_key, MESSAGES)
        if turns is not None:
            found = needed_field(record, turns, origin, setting="data.format.messages_key")
            return self.read_turns(found, origin, turns)
        key = first_key(record, self.prompt_key, PROMPTS)
        if key is None:
            return ()
        found = needed_field(record, key, origin, setting="data.format.prompt_key")
        if isinstance(found, list):
            return self.read_turns(cast("Any", found), origin, key)
        if isinstance(found, str) and is_transcript(found):
            return read_transcript(found, origin, key)
        request = Request(
            key,
            self.input_key,
            self.system_key,
            self.history_key,
            setting="data.format.prompt_key",
            known=(*CHOSEN, *REJECTED, *self._known),
        )
        return request.read(record, origin)

    def _answer(
        self, record: Record, chosen: str | None, usual: Sequence[str], origin: str
    ) -> Messages:
        """One answer, or the whole transcript that ends with it."""
        key = first_key(record, chosen, usual) or usual[0]
        setting = f"data.format.{usual[0]}_key"
        found = needed_field(record, key, origin, setting=setting)
        if isinstance(found, list):
            return self.read_turns(cast("Any", found), origin, key)
        if isinstance(found, dict):
            return self.read_turns([found], origin, key)
        text = text_field(record, key, origin, setting=setting)
        if is_transcript(text):
            return read_transcript(text, origin, key)
        return (Message("assistant", text),)


def _divided(
    prompt: Messages, chosen: Messages, rejected: Messages, origin: str
) -> tuple[Messages, Messages, Messages]:
    """The prompt that two whole transcripts share, and what follows in each.

    Raises:
        DataError: they share none, or it is not the one that the record tells.
    """
    pairs = zip(map(_said, chosen), map(_said, rejected), strict=False)
    n = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(chosen), len(rejected)))
    while n and not all(n < len(m) and m[n].role == "assistant" for m in (chosen, rejected)):
        n -= 1
    if n == 0:
        raise DataError(
            f"{origin}: the chosen and the rejected transcript do not begin with the same request."
        )
    shared = [message.text for message in chosen[:n]]
    if prompt and not {m.text for m in prompt if m.role != "system"} <= set(shared):
        raise DataError(f"{origin}: the two transcripts do not begin with the record's prompt.")
    lead = prompt[:1] if prompt and prompt[0].role == "system" else ()
    keeps_lead = lead and chosen[0].role != "system"
    return (*(lead if keeps_lead else ()), *chosen[:n]), chosen[n:], rejected[n:]


def _said(message: Message) -> Message:
    """A message without what does not matter for who said what."""
    return replace(message, weight=None)
