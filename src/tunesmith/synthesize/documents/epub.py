"""epub: the chapters of a book in the order of its spine, by markitdown."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.converted import as_markdown
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.markdown import read_markdown
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer

WHAT = "an e-book (EPUB)"
CONTENTS = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
LOCKED = re.compile(rb"<[^>]*CipherReference[^>]*\.x?html?[\"']", re.I)
"""A chapter that is encrypted; many books hide their fonts, which does no harm."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a book. Its chapters may name a document type, as HTML does; nothing is fetched.

    Raises:
        Refusal: the container is not sound, its chapters are locked, or a library is missing.
    """
    container = Container(data, limits)
    if CONTENTS not in container.names:
        raise Refusal("its list of chapters is missing. Save the book anew.")
    if ENCRYPTION in container.names and LOCKED.search(container.read(ENCRYPTION)):
        raise Refusal("is locked by its publisher (DRM). Leave it out.")
    for name in _chapters(container):
        if name not in container.names:  # markitdown passes over it and says nothing
            writer.left_out["chapters that are not in the file"] += 1
        elif _is_binary(container.read(name)[:1024]):
            raise Refusal(f"{name} in it is no text. Save the book anew.")
    read_markdown(as_markdown("EpubConverter", data, ".epub", WHAT), writer)


def _chapters(container: Container) -> Iterator[str]:
    """Members that the spine of the book names, in order; an empty name for one without a file."""
    (place, *_) = container.xml(CONTENTS).xpath("//*[local-name()='rootfile']/@full-path") or [""]
    if place not in container.names:
        raise Refusal("its list of chapters is missing. Save the book anew.")
    book = container.xml(place)
    hrefs = {item.get("id"): item.get("href") for item in book.xpath("//*[local-name()='item']")}
    for reference in book.xpath("//*[local-name()='itemref']/@idref"):
        href = hrefs.get(reference) or ""
        names = [
            posixpath.normpath(posixpath.join(posixpath.dirname(place), known))
            for known in (unquote(href), href)
            if known
        ]
        yield next((name for name in names if name in container.names), "")


def _is_binary(head: bytes) -> bool:
    return b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
