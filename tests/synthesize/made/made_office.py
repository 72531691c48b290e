"""Presentations, spreadsheets and books made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from made_documents import make_zip

XHTML = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'


def make_pptx(fill: Callable[[Any], None]) -> bytes:
    """A presentation that python-pptx writes once it has been filled."""
    import pptx

    presentation = pptx.Presentation()
    fill(presentation)
    target = io.BytesIO()
    presentation.save(target)
    return target.getvalue()


def slide_of(presentation: Any, title: str, *lines: str) -> Any:
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = title
    slide.placeholders[1].text = "\n".join(lines)
    return slide


def make_xlsx(fill: Callable[[Any], None]) -> bytes:
    """A spreadsheet that openpyxl writes once it has been filled; it has no sheet before."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    fill(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def make_epub(*chapters: str, **more: str | bytes) -> bytes:
    """A book of chapters, given as what is in their body; the first is packed last."""
    names = [f"chapter {n}.xhtml" for n in range(len(chapters))]
    items = "".join(
        f'<item id="c{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(names)))
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/>'
        "</rootfiles></container>",
        "OPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        f"<dc:title>A book</dc:title></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>",
    }
    for name, body in reversed([*zip(names, chapters, strict=True)]):
        files[f"OPS/{name}"] = f"{XHTML}<head><title>t</title></head><body>{body}</body></html>"
    return make_zip({**files, **more})
