"""Task: what an example means as tokens, and what counts as its answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Document, Example
from tunesmith.core.ledger import SplitLedger
from tunesmith.core.part import Part
from tunesmith.templates.render import Rendered
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

TooLong = Literal["cut", "drop", "error"]


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One example as the model sees it.

    Attributes:
        input_ids: [T] int32.
        supervised: [T] bool.
        origin: the place it was read from.
    """

    input_ids: np.ndarray
    supervised: np.ndarray
    origin: str

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an example may be, and what happens to a longer one."""

    max_tokens: int
    too_long: TooLong


class Task(Part):
    """One kind of work a model is tuned for."""

    example_type: ClassVar[type[Conversation] | type[Document]]
    uses_template: ClassVar[bool]

    @abstractmethod
    def encode(
        self,
        example: Example,
        template: Template,
        tokenizer: Tokenizer,
        limits: Limits,
        ledger: SplitLedger,
    ) -> Iterator[EncodedExample]:
        """Makes the token ids of one example and enters its fate in the ledger.

        Raises:
            DataError: it is too long and ``limits.too_long`` is ``error``.
        """

    def encode_all(
        self,
        examples: Iterable[Example],
        template: Template,
        tokenizer: Tokenizer,
        limits: Limits,
        ledger: SplitLedger,
    ) -> list[EncodedExample]:
        """Encodes one split.

        Raises:
            DataError: an example is of a kind that this task does not take, or too long.
        """
        encoded: list[EncodedExample] = []
        for example in examples:
            if not isinstance(example, self.example_type):
                raise DataError(
                    f"{example.origin}: a {type(example).__name__.lower()}, and task {self.name!r} "
                    f"takes a {self.example_type.__name__.lower()}. Choose another task, or set "
                    "data.format."
                )
            encoded += self.encode(example, template, tokenizer, limits, ledger)
        return encoded


def located(rendered: Rendered, origin: str) -> EncodedExample:
    """A rendering with the place of its example."""
    return EncodedExample(rendered.input_ids, rendered.supervised, origin)
