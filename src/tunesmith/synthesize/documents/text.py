"""Plain text: paragraphs are parted by blank lines; headings are told by numbers and underlines."""

from __future__ import annotations

import re

from tunesmith.synthesize.documents.headings import is_contents_line, is_short, numbered_level
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.markdown import plain_text
from tunesmith.synthesize.documents.writer import OTHER_LINE_ENDS, Writer

UNDERLINE = re.compile(r"(=|-|~|\*)\1{2,}")
GAP = re.compile(r"\n[^\S\n]*\n\s*")


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a text.

    Raises:
        Refusal: a byte is not of its encoding.
    """
    text = OTHER_LINE_ENDS.sub("\n", plain_text(data))
    for part in GAP.split(text):
        lines = [line for line in part.split("\n") if line.strip()]
        if len(lines) >= 2 and UNDERLINE.fullmatch(lines[1].strip()) and is_short(lines[0].strip()):
            writer.add("heading", lines[0], level=1 if lines[1].strip()[0] == "=" else 2)
            lines = lines[2:]
        if not lines:
            continue
        level = _level(lines[0].strip()) if len(lines) == 1 else None
        if level is not None:
            writer.add("heading", lines[0], level=level)
        else:
            is_contents = sum(map(is_contents_line, lines)) * 2 > len(lines)
            junk = "table of contents" if is_contents else ""
            writer.add("paragraph", "\n".join(lines), junk=junk)


def _level(line: str) -> int | None:
    """The depth of a heading that stands on a line of its own, in numbers or in capitals."""
    level = numbered_level(line)
    if level is None and is_short(line) and line.isupper() and len(line.split()) <= 12:
        return 1
    return level
