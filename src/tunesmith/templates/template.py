"""Template: lays a conversation out as pieces of text, and says which of them are learnt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.core.part import Part
from tunesmith.templates.tokenizer import Tokenizer

Kind = Literal["control", "text", "answer"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the prompt or of an answer.

    ``control`` names one special token; ``text`` is encoded as plain text, whatever it looks like;
    ``answer`` is text the assistant wrote. A ``control`` that the assistant wrote, above all the
    one that ends its answer, has ``ends_answer`` set and is learnt with it.

    The k-th unbroken run of learnt pieces is the k-th message of the assistant.
    """

    kind: Kind
    text: str
    ends_answer: bool = False
    apart: bool = False
    """Encoded as a text of its own, not joined with its neighbours."""


def text(value: str) -> Piece:
    """A piece of plain text."""
    return Piece("text", value)


def control(token: str) -> Piece:
    """A piece that is one special token."""
    return Piece("control", token)


def answer(value: str) -> Piece:
    """A piece the assistant wrote."""
    return Piece("answer", value)


def end(token: str) -> Piece:
    """The special token that ends an answer."""
    return Piece("control", token, ends_answer=True)


class Template(Part):
    """One way of writing a conversation down for a model."""

    stop: ClassVar[tuple[str, ...]] = ()
    """Texts that end an answer although no special token did: the next block's heading."""

    @abstractmethod
    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out.

        Args:
            messages: a system text may lead; then user and assistant in turns, tools between.
            tokenizer: names the special tokens.
            tools: a JSON list of function descriptions, or nothing.

        If the last message is a request, the pieces end where the answer starts, so that they are
        a prefix of the pieces with the answer. The k-th unbroken run of learnt pieces belongs to
        the k-th message of the assistant.

        Raises:
            TemplateError: the messages cannot be laid out this way.
        """

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """Special tokens that end an answer in this template."""
        return [tokenizer.eos]


def needs_tokens(template: Template, tokenizer: Tokenizer, tokens: Sequence[str]) -> None:
    """Checks that a tokenizer has the special tokens a template is made of.

    Raises:
        TemplateError: one is missing.
    """
    missing = [token for token in tokens if tokenizer.id_of(token) is None]
    if missing:
        raise TemplateError(
            f"template {template.name!r} needs the special token {missing[0]!r}, and the tokenizer "
            f"in {tokenizer.source} has no such token. Use a model that has it, or a template made "
            "of plain text: alpaca, summarization, llama2."
        )


def split_system(messages: Sequence[Message]) -> tuple[str | None, Sequence[Message]]:
    """The leading system text, if there is one, and the turns behind it.

    Raises:
        TemplateError: a system text stands elsewhere.
    """
    system, turns = None, messages
    if messages and messages[0].role == "system":
        system, turns = messages[0].content, messages[1:]
    if any(turn.role == "system" for turn in turns):
        raise TemplateError("a system text can only stand before the first turn; move it there.")
    return system, turns


def refuse_two_answers(messages: Sequence[Message]) -> None:
    """Checks that something stands between any two of the assistant's messages.

    Raises:
        TemplateError: two follow each other, so their ends could not be told apart.
    """
    for place in range(1, len(messages)):
        if messages[place - 1].role == messages[place].role == "assistant":
            raise TemplateError(
                f"messages {place} and {place + 1} are both the assistant's. Join them, or put "
                "what was asked between them."
            )
