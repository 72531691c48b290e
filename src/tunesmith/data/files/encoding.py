"""Encoding: bytes of a text file -> UTF-8, by its byte-order mark; bad bytes with their offset."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from tunesmith.core.errors import DataError
from tunesmith.data.files.unpack import BLOCK, Readable

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""In this order: the mark of UTF-32 begins with the one of UTF-16."""


def encoding_of(name: str, head: bytes) -> tuple[str, int]:
    """The encoding that a file's first bytes tell, and the length of its mark in bytes.

    Raises:
        DataError: the file is UTF-32.
    """
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            if encoding == "utf-32":
                raise DataError(f"{name}: is UTF-32, which is not read. Save it as UTF-8.")
            return encoding, len(mark)
    return "utf-8", 0


def utf8_blocks(name: str, stream: Readable) -> Iterator[bytes]:
    """The file in portions, without its mark; UTF-16 is turned into UTF-8, UTF-8 not checked.

    Raises:
        DataError: UTF-16 with half a character in it.
    """
    block = stream.read(BLOCK)
    encoding, n_mark = encoding_of(name, block)
    block = block[n_mark:]
    if encoding == "utf-8":
        while block:
            yield block
            block = stream.read(BLOCK)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, line = n_mark, 1  # of what the decoder is given next, with what it still holds
    while True:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].decode(encoding, "replace").count("\n")
            raise bad_byte(name, line, error, offset) from None
        if text:
            yield text.encode()
        if not block:
            return
        line += text.count("\n")
        offset += len(text.encode(encoding))
        block = stream.read(BLOCK)


def decoded(name: str, data: bytes) -> str:
    """A whole text.

    Raises:
        DataError: a byte is not of its encoding, or NUL, as no text holds.
    """
    encoding, n_mark = encoding_of(name, data)
    try:
        text = data[n_mark:].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].decode(encoding, "replace").count("\n") + 1
        raise bad_byte(name, line, error, n_mark) from None
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise DataError(f"{name}:{line}: holds a NUL byte, as no text does. Save it as UTF-8.")
    return text


def bad_byte(name: str, line: int, error: UnicodeDecodeError, offset: int) -> DataError:
    """What to say of a byte that is not of its encoding; ``offset``: of the decoded piece."""
    return DataError(
        f"{name}:{line}: byte {error.object[error.start]:#04x} at offset {offset + error.start} is "
        f"not {error.encoding}. Save the file as UTF-8."
    )
