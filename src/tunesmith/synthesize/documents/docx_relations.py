"""Relations of a docx: which part holds the styles, the notes, the lists."""

from __future__ import annotations

import posixpath

from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.docx_styles import value


def target(container: Container, source: str, kind: str) -> str | None:
    """The first part that ``source`` is related to in a certain way."""
    return next(iter(targets(container, source, kind)), None)


def targets(container: Container, source: str, kind: str) -> list[str]:
    """All of them, as names of members; those outside the file are passed over."""
    folder, name = posixpath.split(source)
    file = posixpath.join(folder, "_rels", f"{name}.rels")
    if file not in container.names:
        return []
    found: list[str] = []
    for relation in container.xml(file):
        is_kind = (value(relation, "Type") or "").rpartition("/")[2] == kind
        if is_kind and value(relation, "TargetMode") != "External":
            place = posixpath.join("/", folder, value(relation, "Target") or "")
            found.append(posixpath.normpath(place).lstrip("/"))
    return found
