"""What a format yields: conversations and documents, each with the place it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str
    input: str = ""
    """Material a request works on, apart from the request itself (Alpaca's ``input``): a dialogue
    to summarise, a text to translate. Templates without a block for it put it below the content."""

    @property
    def text(self) -> str:
        """Content and input as one text, for templates that have one place for both."""
        return (
            f"{self.content}\n\n{self.input}"
            if self.content and self.input
            else (self.content or self.input)
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order. The last one is the reference answer if it is the assistant's."""

    messages: tuple[Message, ...]
    origin: str
    """Where it was read: ``file:line``."""
    references: tuple[str, ...] = ()
    """Further reference answers beside the last message, for evaluation."""

    @property
    def answer(self) -> str | None:
        """The reference answer, or None when the conversation ends with a request."""
        last = self.messages[-1] if self.messages else None
        return last.content if last is not None and last.role == "assistant" else None

    def prompt(self) -> Conversation:
        """The same conversation without its reference answer: what a model is asked."""
        if self.answer is None:
            return self
        return replace(self, messages=self.messages[:-1])


@dataclass(frozen=True, slots=True)
class Document:
    """Running text to continue, without roles."""

    text: str
    origin: str


Example = Conversation | Document
