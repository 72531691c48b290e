"""Parse: bytes of a file -> its text and blocks. Runs within the limited process."""

from __future__ import annotations

import hashlib
import importlib

from tunesmith.synthesize.documents import READERS
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.kind import kind_of, names_another_kind
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer


def parse(name: str, data: bytes, limits: Limits) -> ParsedDocument:
    """Reads one document.

    Args:
        name: of the file; its suffix decides between kinds of plain text alone.
        data: all its bytes.
        limits: what it may cost; memory and time are not looked after here.

    Raises:
        Refusal: it cannot be read, or holds no text.
        MissingExtraError: a library for its kind is not installed.
    """
    kind = kind_of(name, data)
    module, _, function = READERS[kind].partition(":")
    writer = Writer()
    getattr(importlib.import_module(module), function)(data, writer, limits)
    left_out = {what: n for what, n in sorted(writer.left_out.items()) if n > 0}
    if not writer.blocks:
        told = ", ".join(f"{what} ({n:,})" for what, n in left_out.items())
        raise Refusal(f"holds no text to read{f' (left out: {told})' if told else ''}.")
    if suffix := names_another_kind(name, kind):
        writer.notes.append(f"named {suffix}, but its content is {kind}; it is read as such")
    return ParsedDocument(
        name=name,
        kind=kind,
        sha256=hashlib.sha256(data).hexdigest(),
        text=writer.text,
        blocks=tuple(writer.blocks),
        n_pages=writer.n_pages,
        left_out=left_out,
        notes=tuple(writer.notes),
    )
