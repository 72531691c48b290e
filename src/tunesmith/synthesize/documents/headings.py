"""Headings that no style marks: told by their numbers, or by being short and bold or large."""

from __future__ import annotations

import re

MOST_CHARS = 100
MOST_CHINESE_CHARS = 40
SENTENCE_END = re.compile(r"[.。．;；,，、!！:：…”\"']\s*$")
WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LETTER = re.compile(r"[^\W\d_]")
DEEP_NUMBER = re.compile(r"(\d{1,3}(?:\.\d{1,3})+)[.．]?(?=[\s\u3400-\u9fff])")
CHAPTER = re.compile(
    r"(第[一二三四五六七八九十百零〇\d]+[编編部章篇]|(chapter|part|appendix|cap[ií]tulo|parte|anexo)\s+"
    r"([\dIVXLC]+|[A-Z])\b|제\s*\d+\s*[장편부])", re.I
)  # fmt: skip
SECTION = re.compile(r"(第[一二三四五六七八九十百零〇\d]+[节節条條款]|제\s*\d+\s*[절조]|§\s*\d+)")
CHINESE_ITEM = re.compile(r"([一二三四五六七八九十]{1,3})[、．.]")
CHINESE_SUB_ITEM = re.compile(r"[（(][一二三四五六七八九十]{1,3}[）)]")
LEADERS = re.compile(r"(\.{4,}|(\. ){4,}|…{2,}|·{4,})\s*([\divxlc]+)\s*$", re.I)


def is_short(text: str, *, may_end: bool = False) -> bool:
    """Whether a text is as short as headings are, and does not end like a sentence.

    Args:
        text: a paragraph.
        may_end: a full stop behind it counts for nothing, as where it is bold and numbered.
    """
    longest = MOST_CHINESE_CHARS if WIDE.search(text) else MOST_CHARS
    return (
        0 < len(text) <= longest
        and text.count("\n") <= 1
        and LETTER.search(text) is not None
        and SENTENCE_END.search(text.rstrip(".。") if may_end else text) is None
    )


def numbered_level(text: str, *, may_end: bool = False) -> int | None:
    """The depth that a heading's number tells, from 1; None where it is no such number.

    ``1.`` alone does not tell a heading from an item of a list.

    Args:
        text: a paragraph.
        may_end: see :func:`is_short`.
    """
    if not is_short(text, may_end=may_end):
        return None
    if CHAPTER.match(text):
        return 1
    if SECTION.match(text) or CHINESE_ITEM.match(text):
        return 2
    if found := DEEP_NUMBER.match(text):
        return found[1].count(".") + 1
    return 3 if CHINESE_SUB_ITEM.match(text) else None


def is_contents_line(text: str) -> bool:
    """Whether a line leads with dots to a page number, as in a table of contents."""
    return LEADERS.search(text) is not None
