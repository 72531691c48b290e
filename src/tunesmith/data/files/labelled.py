"""Labelled texts: a layout of folders, ``<split>/<label>/<id>.txt``, as IMDB's reviews have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tunesmith.data.files.splits import SPLIT_WORDS

UNLABELLED = "unsup"
"""Name of a folder of texts without a label."""


@dataclass(frozen=True, slots=True)
class TextLabel:
    """What the folders above a text say of it."""

    split: str
    label: str | None
    """None: it has none."""


def labelled_texts(names: Iterable[str]) -> dict[str, TextLabel]:
    """The texts of the layout among some files; none where it is not the layout.

    It is where a folder that is called like a split holds folders of ``.txt`` files, two or more
    different ones in all; a single one is a folder of documents.

    Args:
        names: paths with ``/``, beginning with the name of the outermost folder.
    """
    found: dict[str, TextLabel] = {}
    for name in names:
        *_, folder, label, _file = "", "", *PurePosixPath(name).parts
        split = SPLIT_WORDS.get(folder.lower())
        if split is not None and name.lower().endswith(".txt"):
            found[name] = TextLabel(split, None if label == UNLABELLED else label)
    labels = {text.label for text in found.values() if text.label is not None}
    return found if len(labels) > 1 else {}
