"""Texts: a .txt or .md file is one record with the key ``text``."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.data.files.located import LARGEST_RECORD, Located
from tunesmith.data.files.unpack import Readable, read_all


def read_text(name: str, stream: Readable, *, is_packed: bool) -> Iterator[Located | DataError]:
    """Yields the text as it is written; its error where there is only white space.

    Args:
        name: of the file, for the origin.
        stream: its bytes.
        is_packed: it comes out of a packed file, so that its size is bounded.

    Raises:
        DataError: a byte is not of its encoding, or the text is too large.
    """
    text = decoded(name, read_all(name, stream, LARGEST_RECORD if is_packed else None))
    yield text_record(f"{name}:1", text)


def text_record(origin: str, text: str, label: str | None = None) -> Located | DataError:
    """A text as a record, with its label where it has one; a blank text is an error."""
    if not text.strip():
        return DataError(f"{origin}: a blank text. Fill it, or take it away.")
    return origin, {"text": text} if label is None else {"text": text, "label": label}
