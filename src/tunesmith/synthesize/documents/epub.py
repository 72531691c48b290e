"""epub: the chapters of a book in the order of its spine, by markitdown."""

from __future__ import annotations

import re

from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.converted import as_markdown
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.markdown import read_markdown
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer

WHAT = "an e-book (EPUB)"
ENCRYPTION = "META-INF/encryption.xml"
LOCKED = re.compile(rb"<[^>]*CipherReference[^>]*\.x?html?[\"']", re.I)
"""A chapter that is encrypted; many books hide their fonts, which does no harm."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a book. Its chapters may name a document type, as HTML does; nothing is fetched.

    Raises:
        Refusal: the container is not sound, its chapters are locked, or a library is missing.
    """
    container = Container(data, limits)
    container.refuse_declarations("meta-inf/container.xml", ".opf")
    if ENCRYPTION in container.names and LOCKED.search(container.read(ENCRYPTION)):
        raise Refusal("is locked by its publisher (DRM). Leave it out.")
    read_markdown(as_markdown("EpubConverter", data, ".epub", WHAT), writer)
