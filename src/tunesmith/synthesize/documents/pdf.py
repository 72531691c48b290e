"""PDF: the text layer in reading order, with tables; pictures of pages are not read."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tunesmith.synthesize.documents.headings import is_contents_line
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.pdf_lines import SAME_WORD, Line, in_reading_order, lines_of
from tunesmith.synthesize.documents.pdf_paragraphs import (
    COMPOUND,
    HANGUL,
    Paragraph,
    body_size,
    classify,
    goes_on,
    joined,
    paragraphs,
)
from tunesmith.synthesize.documents.pdf_tables import tables_of, write_table
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer

UNKNOWN = re.compile(r"\(cid:\d+\)")
DIGITS = re.compile(r"\d+")
PAGE_NUMBER = re.compile(
    r"[-–—\s]*(page\s*|第\s*)?\d{1,4}(\s*(/|of|de)\s*\d{1,4}|\s*页)?[-–—\s]*", re.I
)
EDGE = 0.15
"""Of the page's height, at its head and at its foot, where running heads and feet stand."""
SPACED = 0.1
"""Of all Korean lines that end in a space where a file writes spaces at the ends of lines."""
LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a PDF.

    Raises:
        Refusal: it needs a password, has no text layer, or is damaged.
    """
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect
    from pdfplumber.utils.exceptions import PdfminerException

    try:
        with pdfplumber.open(io.BytesIO(data)) as pdf:
            pages, heights = _pages(pdf, writer)
    except PdfminerException as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, PDFPasswordIncorrect):
            raise Refusal("needs a password. Save it without one.") from None
        reason = str(cause) or type(cause).__name__
        raise Refusal(f"the PDF is damaged ({reason}). Save or print it anew.") from None
    _without_running_heads(pages, heights, writer)
    _write(pages, heights, writer)


def _pages(pdf: Any, writer: Writer) -> tuple[list[list[Line]], list[tuple[float, float]]]:
    """The lines of each page in reading order, and where each page begins and ends."""
    pages: list[list[Line]] = []
    heights: list[tuple[float, float]] = []
    n_chars = n_unknown = n_pictures = n_empty = 0
    for page in pdf.pages:
        upright = page.filter(lambda o: o["object_type"] != "char" or o["upright"])
        writer.left_out["letters that do not stand upright"] += len(page.chars) - len(upright.chars)
        n_chars += len(upright.chars)
        n_unknown += sum(UNKNOWN.fullmatch(char["text"]) is not None for char in upright.chars)
        n_pictures += len(page.images)
        n_empty += not page.chars
        pages.append(_lines(upright.dedupe_chars(), writer.left_out))
        heights.append((page.bbox[1], page.bbox[3]))
        page.close()  # else it keeps all its letters
    writer.n_pages = len(pages)
    if not pages:
        raise Refusal("has no page. Save or print it anew.")
    if not n_chars:
        raise Refusal(
            "no text layer: its pages are pictures. Let a program read the letters first (OCR)."
        )
    if n_unknown > 0.3 * n_chars:
        raise Refusal("its fonts do not say which letters they show. Print it anew, or use OCR.")
    writer.left_out["letters that their font does not name"] += n_unknown
    writer.left_out["pages without a text layer"] += n_empty
    writer.left_out["pictures"] += n_pictures
    korean = [line for lines in pages for line in lines if HANGUL.match(line.text[-1:])]
    if sum(line.ends_in_space for line in korean) > SPACED * len(korean):
        pages = [[replace(line, may_break_words=True) for line in lines] for lines in pages]
    return pages, heights


def _lines(page: Any, left_out: Counter[str]) -> list[Line]:
    tables = tables_of(page, left_out)
    boxes = [box for box, _ in tables]

    def is_outside(thing: dict[str, Any]) -> bool:
        if thing["object_type"] != "char" or UNKNOWN.fullmatch(thing["text"]):
            return thing["object_type"] != "char"
        x, y = (thing["x0"] + thing["x1"]) / 2, (thing["top"] + thing["bottom"]) / 2
        return not any(x0 <= x <= x1 and top <= y <= bottom for x0, top, x1, bottom in boxes)

    words = page.filter(is_outside).extract_words(
        x_tolerance_ratio=SAME_WORD, keep_blank_chars=False, return_chars=True
    )
    spaces = [char for char in page.chars if char["text"].isspace()]
    lines = lines_of(words, spaces, left_out)
    lines += [Line(*_edges(box), table=cells) for box, cells in tables]
    return in_reading_order(lines)


def _edges(box: tuple[float, ...]) -> tuple[float, float, float, float]:
    x0, top, x1, bottom = box
    return x0, x1, top, bottom


def _without_running_heads(
    pages: list[list[Line]], heights: Sequence[tuple[float, float]], writer: Writer
) -> None:
    """Leaves out what stands at the edge of many pages alike, but for its numbers."""
    counts: Counter[tuple[str, bool]] = Counter()
    for lines, height in zip(pages, heights, strict=True):
        counts.update({key for line in lines if (key := _edge_key(line, height)) is not None})
    often = max(2, 0.5 * len(pages))
    for number, height in enumerate(heights):
        kept: list[Line] = []
        for line in pages[number]:
            key = _edge_key(line, height)
            if key is not None and counts[key] >= often and len(pages) > 1:
                writer.left_out["running heads and feet"] += 1
            elif key is not None and PAGE_NUMBER.fullmatch(line.text):
                writer.left_out["page numbers"] += 1
            else:
                kept.append(line)
        pages[number] = kept


def _edge_key(line: Line, height: tuple[float, float]) -> tuple[str, bool] | None:
    top, bottom = height
    depth = EDGE * (bottom - top)
    is_head, is_foot = line.bottom < top + depth, line.top > bottom - depth
    if line.table is not None or not (is_head or is_foot):
        return None
    return DIGITS.sub("0", line.text.strip()), is_head


def _write(
    pages: Sequence[Sequence[Line]], heights: Sequence[tuple[float, float]], writer: Writer
) -> None:
    usual = body_size([[line for line in lines if line.table is None] for lines in pages])
    found = [
        paragraph
        for number, lines in enumerate(pages, 1)
        for paragraph in paragraphs(lines, number, usual)
    ]
    classify(found, usual, heights)
    compounds = {
        word.lower() for lines in pages for line in lines for word in COMPOUND.findall(line.text)
    }
    for paragraph in _in_order(found):
        first = paragraph.lines[0]
        if first.table is not None:
            write_table(first.table, writer, paragraph.page)
            continue
        text = joined(paragraph.lines, compounds).translate(LIGATURES)
        junk = "table of contents" if _is_contents(paragraph) else ""
        writer.add(
            "paragraph" if junk else paragraph.kind,
            text if not junk else "\n".join(line.text for line in paragraph.lines),
            level=paragraph.level,
            page=paragraph.page,
            junk=junk,
        )


def _is_contents(paragraph: Paragraph) -> bool:
    n = sum(is_contents_line(line.text) for line in paragraph.lines)
    return 2 * n > len(paragraph.lines)


def _in_order(found: Sequence[Paragraph]) -> list[Paragraph]:
    """Paragraphs that a break parts are joined; notes of a page follow its text."""
    ordered: list[Paragraph] = []
    notes: list[Paragraph] = []
    for paragraph in found:
        if notes and notes[0].page != paragraph.page:
            ordered, notes = _with_notes(ordered, notes), []
        if paragraph.kind == "footnote":
            notes.append(paragraph)
            continue
        last = next((p for p in reversed(ordered) if p.kind != "footnote"), None)
        if last is not None and goes_on(last, paragraph):
            last.lines += paragraph.lines
        else:
            ordered.append(paragraph)
    return _with_notes(ordered, notes)


def _with_notes(ordered: list[Paragraph], notes: list[Paragraph]) -> list[Paragraph]:
    return [*ordered, *notes]
