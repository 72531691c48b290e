"""Keys: what must be known of every row to split and mix rows, in a few bytes each."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field

import numpy as np

from tunesmith.core.examples import Example, Labelled
from tunesmith.data.files.splits import SPLITS
from tunesmith.data.fingerprint import fingerprint, group_fingerprint, whole_fingerprint
from tunesmith.data.read import Row


@dataclass(frozen=True)
class Keys:
    """Columns over all N rows that were read, in order.

    Attributes:
        source: [N] int32; which of the sources.
        split: [N] int8; place in ``SPLITS``, as the file says.
        is_usable: [N] bool; False where the row was dropped or rejected in reading.
        prompt: [N] uint64; the same for rows that ask the same.
        group: [N] uint64; the same for rows of one document or dialogue.
        label: [N] uint64; the same for rows with the same label, 0 where there is none.
        whole: [N, 16] uint8; the same for rows that ask and answer the same.
    """

    source: np.ndarray
    split: np.ndarray
    is_usable: np.ndarray
    prompt: np.ndarray
    group: np.ndarray
    label: np.ndarray
    whole: np.ndarray

    def __len__(self) -> int:
        return len(self.source)


def _bytes() -> array[int]:
    return array("B")


def _words() -> array[int]:
    return array("Q")


@dataclass
class KeyColumns:
    """Collects the keys of rows, one after the other."""

    source: array[int] = field(default_factory=lambda: array("i"))
    split: array[int] = field(default_factory=_bytes)
    is_usable: array[int] = field(default_factory=_bytes)
    prompt: array[int] = field(default_factory=_words)
    group: array[int] = field(default_factory=_words)
    label: array[int] = field(default_factory=_words)
    whole: array[int] = field(default_factory=_bytes)

    def add(self, row: Row) -> None:
        """Adds one row."""
        example = row.example
        self.source.append(row.source)
        self.split.append(SPLITS.index(row.split))
        self.is_usable.append(example is not None)
        if example is None:
            prompt = group = label = 0
            whole = bytes(16)
        else:
            asked = fingerprint(example)
            prompt = _word(asked)
            group = _word(group_fingerprint(example)) if example.group else prompt
            label = _label(example.label) if isinstance(example, Labelled) else 0
            whole = whole_fingerprint(example, asked)
        self.prompt.append(prompt)
        self.group.append(group)
        self.label.append(label)
        self.whole.frombytes(whole)

    def done(self) -> Keys:
        """The columns as arrays."""
        return Keys(
            np.array(self.source, np.int32),
            np.array(self.split, np.int8),
            np.array(self.is_usable, np.bool_),
            np.array(self.prompt, np.uint64),
            np.array(self.group, np.uint64),
            np.array(self.label, np.uint64),
            np.array(self.whole, np.uint8).reshape(-1, 16),
        )


def asked_word(example: Example) -> int:
    """What stands in :attr:`Keys.prompt` of an example."""
    return _word(fingerprint(example))


def _word(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "little")


def _label(label: str | tuple[str, ...] | float) -> int:
    if not isinstance(label, str | tuple):
        return 0  # a number is no class
    text = "\x1f".join(label) if isinstance(label, tuple) else label
    return _word(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
