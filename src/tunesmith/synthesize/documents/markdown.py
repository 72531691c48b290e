"""Markdown: turned into HTML by the CommonMark rules with tables, and read as such."""

from __future__ import annotations

import re

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.synthesize.documents.html import read_markup
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer

FRONT_MATTER = re.compile(r"\A---\n.*?\n(---|\.\.\.)\s*\n", re.S)


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads Markdown; HTML within it is read too.

    Raises:
        Refusal: a byte is not of its encoding.
    """
    text = plain_text(data).replace("\r\n", "\n")
    front = FRONT_MATTER.match(text)
    if front:
        writer.left_out["lines of front matter"] += front[0].count("\n")
        text = text[front.end() :]
    read_markdown(text, writer)


def read_markdown(text: str, writer: Writer) -> None:
    """Reads Markdown that has no front matter.

    Raises:
        Refusal: it is nested too deeply.
    """
    from markdown_it import MarkdownIt

    markup = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    read_markup(markup.render(text), writer, is_page=False)


def plain_text(data: bytes) -> str:
    """A file as text.

    Raises:
        Refusal: a byte is not of its encoding.
    """
    try:
        return decoded("it", data)
    except DataError as error:
        raise Refusal(f"is no text of a known encoding: {str(error).removeprefix('it:')}") from None
