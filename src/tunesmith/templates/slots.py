"""Slots: templates written as tables, a row of texts for each role, as LLaMA-Factory has them.

Each text of a slot is encoded on its own, so a tokenizer that puts a space before every text puts
one before each. Everything in the assistant's slot is learnt, also what stands behind its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.templates.slot_tools import DEFAULT, ToolFormat, Words
from tunesmith.templates.special import told_apart
from tunesmith.templates.template import (
    Piece,
    Template,
    control,
    end,
    needs_tokens,
    refuse_two_answers,
    split_system,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import turns_of

BOS, EOS, CONTENT = "{bos}", "{eos}", "{content}"
Slot = tuple[str, ...]
"""Texts that are encoded one by one; ``BOS`` and ``EOS`` are the tokenizer's own tokens."""
BETWEEN_RESULTS = "\n</tool_response>\n<tool_response>\n"
"""What LLaMA-Factory puts between the results of several calls, in every template."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What a template writes for each role."""

    user: Slot
    assistant: Slot = (CONTENT, EOS)
    system: Slot = (CONTENT,)
    prefix: Slot = ()
    tool: Slot = ()
    """Results of calls; nothing: as the user's."""
    call: Slot = ()
    """Calls of tools; nothing: as the assistant's."""
    default_system: str = ""
    """Stands where a conversation has no system text."""
    system_in_request: bool = False
    """The system text is a part of the first request's text."""
    tool_format: ToolFormat = DEFAULT
    special_tokens: tuple[str, ...] = ()
    """Special tokens that the tokenizer must have."""
    ends: tuple[str, ...] = ()
    """Special tokens that end an answer, beside the tokenizer's own."""
    ends_with_eos: bool = False
    """The end of a text stands behind the last answer alone, outside of its slot. LLaMA-Factory
    also teaches it in the place of what follows each answer before, which no mask over the ids can
    say."""


class Slotted(Template):
    """Lays conversations out by a table of slots."""

    slots: ClassVar[Slots]

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out: prefix, system text with the tools, and a slot per turn."""
        needs_tokens(self, tokenizer, self.slots.special_tokens)
        system, turns = split_system(messages)
        refuse_two_answers(turns)
        leading = self.leading(system or self.slots.default_system, tools)
        if leading and self.slots.system_in_request and turns and turns[0].role != "user":
            raise TemplateError(
                f"template {self.name!r} writes the system text and the tools into the first "
                f"request, and the first turn is the {turns[0].role}'s. Begin with a user's turn."
            )
        pieces = _filled(self.slots.prefix, [], tokenizer)
        if leading and not self.slots.system_in_request:
            pieces += _filled(self.slots.system, leading, tokenizer)
        grouped = turns_of(turns)
        for place, turn in enumerate(grouped):
            slot, words = self.turn(turn)
            if leading and self.slots.system_in_request and place == 0:
                words = [*_fill(self.slots.system[0], leading), *words]
            written = _filled(slot, words, tokenizer)
            if turn[0].role == "assistant":
                is_last = place == len(grouped) - 1
                pieces += self.before_answer(turn[0], tokenizer, is_last=is_last)
                written = list(map(_learnt, written))
            pieces += written
        return pieces + self._behind(turns, tokenizer)

    def before_answer(
        self, answer: Message | None, tokenizer: Tokenizer, *, is_last: bool
    ) -> list[Piece]:
        """What stands between the prompt and an answer; nothing in most templates.

        Args:
            answer: None where a prompt ends, and the answer is still to come.
            tokenizer: names the special tokens.
            is_last: whether it is the last message.
        """
        return []

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The tokens this template stops at there, and the end of a text."""
        ends = [token for token in self.slots.ends if tokenizer.id_of(token) is not None]
        return list(dict.fromkeys([*ends, tokenizer.eos]))

    def _behind(self, turns: Sequence[Message], tokenizer: Tokenizer) -> list[Piece]:
        """What stands behind the last message."""
        if not turns:
            return []
        if turns[-1].role != "assistant":
            return self.before_answer(None, tokenizer, is_last=True)
        return [end(tokenizer.eos)] if self.slots.ends_with_eos else []

    def leading(self, system: str, tools: str) -> Words:
        """The system text with the list of tools behind it."""
        return [*theirs(system), *self.slots.tool_format.offer(tools)]

    def turn(self, turn: Sequence[Message]) -> tuple[Slot, Words]:
        """The slot of a turn, and the words that fill it."""
        message, slots = turn[0], self.slots
        if message.role == "tool":
            results = BETWEEN_RESULTS.join(result.content for result in turn)
            return slots.tool or slots.user, theirs(results)
        if message.tool_calls:
            calls = slots.tool_format.calls(message.tool_calls)
            return slots.call or slots.assistant, [*theirs(message.content), *calls]
        slot = slots.assistant if message.role == "assistant" else slots.user
        return slot, theirs("\n".join(part for part in (message.content, message.input) if part))


def fixed(words: str, tokenizer: Tokenizer, *, is_learnt: bool = False) -> list[Piece]:
    """Pieces of a template's own words, encoded as a text of their own."""
    pieces = _filled((words,), [], tokenizer)
    return list(map(_learnt, pieces)) if is_learnt else pieces


def theirs(value: str) -> Words:
    """Words that a user wrote."""
    return [(False, value)] if value else []


def _fill(written: str, words: Words) -> Words:
    before, mark, behind = written.partition(CONTENT)
    filled = [(True, before), *(words if mark else []), (True, behind)]
    return [(own, value) for own, value in filled if value]


def _filled(slot: Slot, words: Words, tokenizer: Tokenizer) -> list[Piece]:
    """Pieces of a slot; the first piece of each text is encoded on its own."""
    pieces: list[Piece] = []
    for written in slot:
        if written in (BOS, EOS):
            token = tokenizer.bos if written == BOS else tokenizer.eos
            pieces += [control(token)] if token else []
            continue
        found: list[Piece] = []
        for own, value in _fill(written, words):
            for piece in told_apart(value, tokenizer) if own else [text(value)]:
                if found and piece.kind == found[-1].kind == "text":
                    piece = text(found.pop().text + piece.text)
                found.append(piece)
        if found and found[0].kind == "text":
            found[0] = Piece("text", found[0].text, apart=True)
        pieces += found
    return pieces


def _learnt(piece: Piece) -> Piece:
    if piece.kind == "control":
        return Piece("control", piece.text, ends_answer=True)
    return Piece("answer", piece.text, apart=piece.apart)
