"""Portion: a few hundred rows with their texts, which is all that is held at one time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from tunesmith.checks.keys import NO_KEY, key_of, keys, pair_keys, text_key
from tunesmith.core.examples import Conversation, Example, Preference, SpanQuestion
from tunesmith.core.examples import UnpairedPreference as Unpaired
from tunesmith.data.fingerprint import FIELD, answer_text, prompt_text

PORTION_CHARS = 2**18
"""Text of one portion: small enough for the processor's cache, large enough for arrays."""
JOINT = b"\n"


class Portion:
    """Usable rows that follow each other, of one file.

    Attributes:
        first: number of its first row, counted over all files.
        split: of all of them.
        examples: the rows.
        prompts: what the model is given of each, in UTF-8.
        answers: what it learns of each beside that, in UTF-8.
        prompt_keys: a key of each prompt, one behind the other.
        answer_keys: likewise of each answer.
        group_keys: likewise of each group; zeros where none is told.
    """

    def __init__(self, first: int, split: str, examples: Sequence[Example]) -> None:
        self.first = first
        self.split = split
        self.examples = examples
        self.prompts = [prompt_text(e).encode("utf-8", "surrogatepass") for e in examples]
        self.answers = [answer_text(e).encode("utf-8", "surrogatepass") for e in examples]
        self.prompt_keys = b"".join(map(key_of, self.prompts))
        self.answer_keys = b"".join(map(key_of, self.answers))
        self.group_keys = b"".join([text_key(e.group) if e.group else NO_KEY for e in examples])

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def keys(self) -> np.ndarray:
        """A key of prompt and answer of each row, [R] uint64."""
        return pair_keys(keys(self.prompt_keys), keys(self.answer_keys))

    @cached_property
    def joined(self) -> bytes:
        """Every prompt with its answer, row after row."""
        parts: list[bytes] = []
        for prompt, answer in zip(self.prompts, self.answers, strict=True):
            parts += (prompt, JOINT, answer, JOINT)
        return b"".join(parts)

    @cached_property
    def text(self) -> np.ndarray:
        """The same, [bytes] uint8."""
        return np.frombuffer(self.joined, np.uint8)

    @cached_property
    def ends(self) -> np.ndarray:
        """Where the text behind each row begins, [R] int64."""
        sizes = [len(p) + len(a) + 2 for p, a in zip(self.prompts, self.answers, strict=True)]
        return np.cumsum(np.array(sizes, np.int64))

    def rows_at(self, positions: np.ndarray | Sequence[int]) -> np.ndarray:
        """The rows, counted over all files, that hold these places of the text."""
        return self.first + np.searchsorted(self.ends, positions, side="right")


def count_chars(example: Example) -> int:
    """Characters of everything that is said in an example."""
    match example:
        case Conversation():
            return sum(len(m.content) + len(m.input) for m in example.messages)
        case Preference():
            said = (*example.messages, *example.chosen, *example.rejected)
            return sum(len(m.content) + len(m.input) for m in said)
        case Unpaired():
            return sum(len(m.content) + len(m.input) for m in example.messages)
        case SpanQuestion():
            return len(example.question) + len(example.context)
        case _:
            return len(example.text)


def own_part(example: Example, prompt: bytes) -> tuple[int, int | None]:
    """Where the part of a prompt that is the row's own begins and ends.

    A system text stands in front of many rows, and one context is asked many questions; rows that
    share no more than that are not alike.

    Returns:
        Byte offsets in ``prompt``; as the end None: the answer belongs to it too.
    """
    if isinstance(example, SpanQuestion):
        return 0, len(example.question.encode("utf-8", "surrogatepass"))
    if isinstance(example, Conversation | Preference | Unpaired):
        lead = example.messages[0] if example.messages else None
        if lead is not None and lead.role == "system":
            written = FIELD.join((lead.role, lead.content, lead.input))
            return min(len(prompt), len(written.encode("utf-8", "surrogatepass"))), None
    return 0, None
