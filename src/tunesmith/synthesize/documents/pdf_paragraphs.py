"""Paragraphs of a PDF: lines in reading order -> paragraphs, headings, items and footnotes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from tunesmith.synthesize.documents.block import BlockKind
from tunesmith.synthesize.documents.headings import is_short, numbered_level
from tunesmith.synthesize.documents.pdf_lines import Line

ENDS = re.compile(r"[.!?:;。！？：；…][\"'”’」』）)\]]*\s*$")
ITEM = re.compile(r"([•◦▪‣●○■□◆\-–—*※]\s|\(?\d{1,3}[.)]\s|\(?[a-z][.)]\s|[①-⑳]|[가-하]\.\s)")
NOTE = re.compile(r"(\d{1,3}\)|\[?\d{1,3}\]?\s|[*†‡]+)")
NUMBERED_NOTE = re.compile(r"\d{1,3}\)\s")
WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
HANGUL = re.compile(r"[\uac00-\ud7af]")
LAST_WORD = re.compile(r"[\w-]+$")
FIRST_WORD = re.compile(r"^[\w-]+")
COMPOUND = re.compile(r"\w+(?:-\w+)+")
HYPHENS = "-"
LARGER = 1.12
SMALLER = 0.88
LONGEST_HEADING_LINES = 3


@dataclass
class Paragraph:
    """Lines that belong together."""

    page: int
    lines: list[Line] = field(default_factory=list[Line])
    kind: BlockKind = "paragraph"
    level: int = 0

    @property
    def size(self) -> float:
        """Of most of its letters, in points."""
        counts: Counter[float] = Counter()
        for line in self.lines:
            counts[line.size] += len(line.text)
        return counts.most_common(1)[0][0]


def body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size of most letters, in points."""
    counts: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            counts[line.size] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 0.0


def paragraphs(lines: Sequence[Line], page: int, usual: float) -> Iterator[Paragraph]:
    """Puts the lines of a page together; a table stands alone.

    Args:
        lines: in reading order.
        page: its number.
        usual: size of running text.
    """
    pitch = _pitch(lines)
    current: Paragraph | None = None
    for line in lines:
        before = current.lines[-1] if current else None
        if current is None or before is None or _begins(before, line, usual, pitch):
            if current:
                yield current
            current = Paragraph(page)
        current.lines.append(line)
    if current:
        yield current


def _pitch(lines: Sequence[Line]) -> dict[float, float]:
    """Usual distance from one line's foot to the next, by the size of their letters."""
    steps: dict[float, list[float]] = {}
    for above, below in zip(lines, lines[1:], strict=False):
        if above.size == below.size and 0 < below.bottom - above.bottom < 3 * below.size:
            steps.setdefault(below.size, []).append(below.bottom - above.bottom)
    return {size: median(found) for size, found in steps.items()}


def _begins(before: Line, line: Line, usual: float, pitch: dict[float, float]) -> bool:
    """Whether a line begins a paragraph."""
    if before.table is not None or line.table is not None or before.column != line.column:
        return True
    if abs(before.size - line.size) > 0.1 * line.size or before.is_bold != line.is_bold:
        return True
    step = line.bottom - before.bottom
    if step <= 0 or step > 1.3 * pitch.get(line.size, 1.3 * line.size):
        return True
    if ITEM.match(line.text) and (ENDS.search(before.text) or ITEM.match(before.text)):
        return True
    if line.size < usual * SMALLER and NUMBERED_NOTE.match(line.text):
        return True
    left, right = line.column
    room = right - before.x1
    is_large = line.size > usual * LARGER  # titles are parted by sense, not by room
    ends = ENDS.search(before.text) is not None
    if not ends and (line.text[:1].islower() or before.text[-1:] in HYPHENS):
        return False
    if not is_large and room > 1.5 * line.size + _least_piece(line):
        # What follows would have fitted, so the line was ended on purpose.
        if ends or room > 0.25 * (right - left):
            return True
    was_indented = before.x0 > left + 0.6 * line.size
    is_indented = line.x0 > left + 0.6 * line.size and line.x0 < left + 0.4 * (right - left)
    if is_indented and not was_indented:
        return ITEM.match(before.text) is None  # else a hanging indent
    return ends and room > 0.12 * (right - left)


def _least_piece(line: Line) -> float:
    """Width of the least of a line that could have stood on the one before."""
    return line.size if WIDE.match(line.text[:1]) else line.first_word


def classify(
    found: Sequence[Paragraph], usual: float, heights: Sequence[tuple[float, float]]
) -> None:
    """Tells headings by size, weight and number; notes by their small letters at the foot.

    Args:
        found: paragraphs of all pages; changed in place.
        usual: size of running text.
        heights: where each page begins and ends.
    """
    larger = sorted(
        {p.size for p in found if p.size > usual * LARGER and _may_head(p)}, reverse=True
    )
    for paragraph in found:
        if paragraph.lines[0].table is not None:
            continue
        text = joined(paragraph.lines)
        is_bold = all(line.is_bold for line in paragraph.lines)
        level = numbered_level(text) if _may_head(paragraph) else None
        if _may_head(paragraph) and paragraph.size > usual * LARGER:
            paragraph.kind = "heading"
            paragraph.level = larger.index(paragraph.size) + 1
        elif _may_head(paragraph) and is_bold:
            paragraph.kind, paragraph.level = "heading", len(larger) + (level or 1)
        elif level is not None:
            paragraph.kind, paragraph.level = "heading", len(larger) + level
        elif paragraph.size < usual * SMALLER and _is_note(paragraph, text, heights):
            paragraph.kind = "footnote"
        elif ITEM.match(text):
            paragraph.kind = "item"


def _is_note(paragraph: Paragraph, text: str, heights: Sequence[tuple[float, float]]) -> bool:
    """Whether small letters are a note: numbered, or in the lower half of the page."""
    top, bottom = heights[paragraph.page - 1]
    return NOTE.match(text) is not None or paragraph.lines[0].top > (top + bottom) / 2


def _may_head(paragraph: Paragraph) -> bool:
    is_few = len(paragraph.lines) <= LONGEST_HEADING_LINES and paragraph.lines[0].table is None
    return is_few and is_short(joined(paragraph.lines))


def goes_on(before: Paragraph, after: Paragraph) -> bool:
    """Whether a paragraph that a page or a column breaks off goes on in another one."""
    first, last = after.lines[0], before.lines[-1]
    if last.table is not None or first.table is not None:
        return False
    alike = abs(last.size - first.size) < 0.05 * first.size and last.is_bold == first.is_bold
    left, right = last.column
    is_full = last.x1 > right - 0.12 * max(right - left, 1.0)
    is_indented = first.x0 > first.column[0] + 0.6 * first.size
    is_text = before.kind in ("paragraph", "item", "footnote") and after.kind == "paragraph"
    return alike and is_full and is_text and not is_indented and not ENDS.search(last.text)


def joined(lines: Sequence[Line], compounds: Container[str] = frozenset()) -> str:
    """The text of lines as one, see :func:`join`; Korean lines may end within a word."""
    texts: list[str] = []
    is_within = False
    for line in lines:
        if texts and is_within:
            texts[-1] += line.text if HANGUL.match(line.text) else f" {line.text}"
        else:
            texts.append(line.text)
        is_within = (
            line.may_break_words and not line.ends_in_space and bool(HANGUL.match(line.text[-1:]))
        )
    return join(texts, compounds)


def join(texts: Sequence[str], compounds: Container[str] = frozenset()) -> str:
    """Lines as one: words parted at a line's end are put together again.

    Between Chinese or Japanese characters nothing is put. A hyphen before a small letter goes,
    unless the word stands elsewhere with it.

    Args:
        texts: the lines.
        compounds: words with hyphens that stand within lines, in small letters.
    """
    text = texts[0] if texts else ""
    for after in texts[1:]:
        if not text or not after:
            text += after
        elif text[-1] in HYPHENS and text[-2:-1].isalnum() and after[0].isalnum():
            is_one_word = after[0].islower() and text[-2].isalpha()
            whole = f"{LAST_WORD.findall(text)[-1]}{FIRST_WORD.findall(after)[0]}".lower()
            text = (text[:-1] if is_one_word and whole not in compounds else text) + after
        elif (WIDE.match(text[-1]) and WIDE.match(after[0])) or text[-1] in "/\u2013\u2014":
            text += after
        else:
            text += f" {after}"
    return text
