"""Fingerprint: hashes by which two examples are the same: by what is asked, or altogether."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tunesmith.core.examples import (
    Conversation,
    Document,
    Example,
    Labelled,
    Message,
    Preference,
    SpanQuestion,
    UnpairedPreference,
)

FIELD, PART, TOOLS, NAME = "\x1f", "\x1e", "\x1a", "\x19"
N_BYTES = 16


def prompt_text(example: Example) -> str:
    """Everything the model is given of an example, as one text."""
    match example:
        case Conversation():
            return _given(example.messages[: _n_asked(example)], example.tools)
        case Preference():
            return _given(example.messages, example.tools)
        case UnpairedPreference():
            return _given(example.messages[:-1], example.tools)
        case Labelled() | Document():
            return example.text
        case SpanQuestion():
            return f"{example.question}{PART}{example.context}"


def answer_text(example: Example) -> str:
    """Everything the model learns of an example beside what it is given, as one text."""
    match example:
        case Conversation():
            last = _written(example.messages[_n_asked(example) :])
            return PART.join([last, *example.references]) if example.references else last
        case Preference():
            return f"{_written(example.chosen)}{PART}{PART}{_written(example.rejected)}"
        case UnpairedPreference():
            return f"{_written(example.messages[-1:])}{PART}{example.desirable}"
        case Labelled():
            label = example.label
            return FIELD.join(label) if isinstance(label, tuple) else str(label)
        case SpanQuestion():
            return PART.join(f"{span.start}{FIELD}{span.text}" for span in example.answers)
        case Document():
            return ""


def fingerprint(example: Example) -> bytes:
    """A hash of what the model is given, [16] bytes; the same for rows that ask the same."""
    return _hash(prompt_text(example))


def whole_fingerprint(example: Example, asked: bytes | None = None) -> bytes:
    """A hash of what the model is given and of what it learns, [16] bytes.

    Args:
        example: what is hashed.
        asked: its :func:`fingerprint`, where that is known already.
    """
    digest = hashlib.blake2b(asked or fingerprint(example), digest_size=N_BYTES)
    digest.update(answer_text(example).encode("utf-8", "surrogatepass"))
    return digest.digest()


def group_fingerprint(example: Example) -> bytes:
    """A hash of the document or dialogue it comes from; of its prompt where none is told."""
    return _hash(f"\x1c{example.group}") if example.group else fingerprint(example)


def _n_asked(conversation: Conversation) -> int:
    """Messages in front of the reference answer."""
    return len(conversation.messages) - (conversation.answer is not None)


def _given(messages: Iterable[Message], tools: str) -> str:
    return f"{_written(messages)}{TOOLS}{tools}" if tools else _written(messages)


def _written(messages: Iterable[Message]) -> str:
    return PART.join([_written_one(message) for message in messages])


def _written_one(message: Message) -> str:
    text = f"{message.role}{FIELD}{message.content}{FIELD}{message.input}"
    if message.name:
        text += f"{NAME}{message.name}"
    for call in message.tool_calls:
        text += f"{FIELD}{call.name}{FIELD}{call.arguments}"
    return text


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=N_BYTES).digest()
