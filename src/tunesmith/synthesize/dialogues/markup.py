"""Markup: the HTML and the entities of a message -> plain text.

A light reader of its own, for a cell with a few tags, and without the extra that whole pages need
(:mod:`tunesmith.synthesize.documents.html`).
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from tunesmith.synthesize.documents.html_words import BLOCKS, LEFT_OUT

INLINE = (
    "a abbr b bdi bdo big br cite code col colgroup data del dfn em font html i img ins kbd label "
    "mark meta pre q s samp script small span strike strong style sub sup time title tt u var wbr"
)
TAGS = BLOCKS | frozenset(LEFT_OUT) | frozenset(INLINE.split())
TAG = re.compile(rf"</?(?:{'|'.join(sorted(TAGS, key=len, reverse=True))})(?=[\s/>])[^<>]*>", re.I)
OURS = re.compile(r"<(link)>", re.I)
"""A placeholder for a link looks like an element of HTML without what every such element has."""
HIDDEN = "\ue000link\ue001"
"""Stands for it while tags are read; characters of private use, which no export holds."""
QUOTES = re.compile(r"gmail_quote|yahoo_quoted|moz-cite-prefix|zendesk_quoted|WordSection0", re.I)
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
LINE_ENDS = re.compile(r"\s*\n\s*")
MOST_LAYERS = 8
"""Entities of entities, ``&amp;amp;``, that are undone."""


def plain_text(text: str) -> str:
    """Text without tags and entities; quoted parts of HTML mails are left out.

    ``"<p>Hi &amp; bye</p>"`` gives ``"Hi & bye"``. What is no HTML, such as ``a < b`` and ``<3``,
    stays.
    """
    for _ in range(MOST_LAYERS):
        if "<" not in text and "&" not in text:
            break
        before = text
        text = OURS.sub(HIDDEN, text)
        text = _without_tags(text) if TAG.search(text) else html.unescape(text)
        text = text.replace(HIDDEN, "<link>")
        if text == before:
            break
    return text


def _without_tags(text: str) -> str:
    # What looks like a tag and is none is kept as it is written.
    kept = re.sub(r"<(?!/?[a-zA-Z!])", "&lt;", text)
    kept = re.sub(r"<(/?)(?=[a-zA-Z])", _kept_tag, kept)
    reader = _Reader()
    reader.feed(kept)
    reader.close()
    return "".join(reader.parts).strip()


def _kept_tag(match: re.Match[str]) -> str:
    return match[0] if TAG.match(match.string, match.start()) else f"&lt;{match[1]}"


class _Reader(HTMLParser):
    """Gathers text; blocks end lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._left_out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._left_out:
            if tag == self._left_out[-1]:
                self._left_out.append(tag)
            return
        values = " ".join(value or "" for name, value in attrs if name in ("class", "id"))
        is_left_out = tag in LEFT_OUT or tag == "blockquote" or QUOTES.search(values) is not None
        if is_left_out and tag not in VOID:
            self._left_out.append(tag)
        elif tag == "br" or tag in BLOCKS:
            self.parts.append("\n")
            if tag == "li":
                self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            if tag == self._left_out[-1]:
                self._left_out.pop()
            return
        if tag in BLOCKS and tag != "br":
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            # In HTML a line end is a space; private characters keep text beside few tags as it is.
            self.parts.append(LINE_ENDS.sub(" ", data))
