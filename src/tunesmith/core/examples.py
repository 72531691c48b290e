"""What a format yields: conversations, preferences, labels, questions and documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
"""``tool`` speaks the result of a call that the assistant made."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function that the assistant asks for."""

    name: str
    arguments: str
    """A JSON object as text."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str
    input: str = ""
    """Material a request works on, apart from the request itself (Alpaca's ``input``): a dialogue
    to summarise, a text to translate. Templates without a block for it put it below the content."""
    name: str = ""
    """Who speaks, where a role has several speakers; of a tool's message: which tool."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls the assistant makes in this turn, behind its content."""
    tool_call_id: str = ""
    """Of a tool's message: the call that it answers."""
    weight: float | None = None
    """Share of the loss of this turn's tokens; None: as the task decides."""

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
    tools: str = ""
    """What the assistant may call: a JSON list of function descriptions as text."""
    group: str = ""
    """The document or dialogue it comes from; rows of one group are never split apart."""

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
class Preference:
    """A prompt with a better and a worse way to go on."""

    messages: tuple[Message, ...]
    """The prompt, ending with a request."""
    chosen: tuple[Message, ...]
    """What follows in the better transcript; begins and ends with the assistant."""
    rejected: tuple[Message, ...]
    origin: str
    tools: str = ""
    group: str = ""

    def transcript(self, answer: Literal["chosen", "rejected"]) -> Conversation:
        """The prompt with one of its two answers."""
        behind = self.chosen if answer == "chosen" else self.rejected
        return Conversation(
            (*self.messages, *behind), self.origin, tools=self.tools, group=self.group
        )


@dataclass(frozen=True, slots=True)
class UnpairedPreference:
    """One answer and whether it is wanted, as KTO learns from."""

    messages: tuple[Message, ...]
    """Ends with the assistant's answer."""
    desirable: bool
    origin: str
    tools: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with its label: one class, several classes, or a number."""

    text: str
    label: str | tuple[str, ...] | float
    origin: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a context."""

    text: str
    start: int
    """Offset of its first character, counted in Unicode code points."""


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """A question with its answers as stretches of a context."""

    question: str
    context: str
    answers: tuple[Span, ...]
    """Accepted answers; none where the context does not hold one."""
    origin: str
    id: str = ""
    title: str = ""
    group: str = ""
    """The context it asks about, by hash or title."""
    mended: str = field(default="", compare=False)
    """How an answer's offset was mended in reading, or nothing."""


@dataclass(frozen=True, slots=True)
class Document:
    """Running text to continue, without roles."""

    text: str
    origin: str
    group: str = ""


Example = Conversation | Preference | UnpairedPreference | Labelled | SpanQuestion | Document
