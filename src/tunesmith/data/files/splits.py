"""Splits: the words in the name of a file or of a folder that tell what its rows are for."""

from __future__ import annotations

import re

from tunesmith.data.files.kind import TEXTS, kind_of

SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> str | None:
    """The split that a path tells; None: it tells none.

    A word in the file's name comes first, then the nearest folder that is called by such a word:
    ``dialogsum.dev.jsonl``, ``data/train-00000-of-00002.parquet``, ``test/pos/1_9.txt``. A text's
    name is often a title (``how-we-test.md``), so only its parts between dots count.

    Args:
        name: path with ``/``, or ``!`` between an archive and its member.
    """
    *folders, file = re.split(r"[/!]", name.lower())
    words = [*_words(file), *(part for f in reversed(folders) for part in _folder_words(f))]
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def _words(file: str) -> list[str]:
    kind = kind_of(file)
    is_text = kind is not None and kind.suffix in TEXTS
    return re.split(r"\." if is_text else r"[^a-z]+", file)


def _folder_words(folder: str) -> list[str]:
    """An archive stands for a folder, and its name is read as a file's."""
    return _words(folder) if kind_of(folder) else [folder]
