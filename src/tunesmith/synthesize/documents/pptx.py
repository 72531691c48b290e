"""pptx: slides in order, by markitdown; each slide is a page and its title a heading."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.converted import as_markdown, library
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.markdown import read_markdown
from tunesmith.synthesize.documents.pptx_charts import make_table
from tunesmith.synthesize.documents.writer import Writer

WHAT = "a presentation (pptx)"
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
SLIDE = re.compile(r"^<!-- Slide number: (\d+) -->$", re.M)
RULE = re.compile(r"\|(?: --- \|)+")
"""Below the head of a table; dashes of a cell have been escaped."""
RUNNING = {"DATE", "FOOTER", "HEADER", "SLIDE_NUMBER"}
"""Placeholders that stand on every slide."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a presentation.

    Raises:
        Refusal: the container is not sound, or a library is not installed.
    """
    Container(data, limits).refuse_declarations()
    library("markitdown", WHAT)
    presentation = library("pptx", WHAT).Presentation(io.BytesIO(data))
    hidden: set[int] = set()
    for number, slide in enumerate(presentation.slides, start=1):
        if slide.element.get("show") in ("0", "false"):
            hidden.add(number)
        _make_plain(slide.shapes, writer)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            _escape(slide.notes_slide.notes_text_frame)
    target = io.BytesIO()
    presentation.save(target)
    text = as_markdown("PptxConverter", target.getvalue(), ".pptx", WHAT)
    _, *parts = SLIDE.split(text)
    writer.n_pages = len(parts) // 2
    writer.left_out["hidden slides"] += len(hidden)
    for number, slide in zip(map(int, parts[::2]), parts[1::2], strict=True):
        if number in hidden:
            continue
        first = len(writer.blocks)
        read_markdown(_lines_apart(slide), writer)
        for place in range(first, len(writer.blocks)):
            writer.blocks[place] = replace(writer.blocks[place], page=number)


def _make_plain(shapes: Any, writer: Writer, *, is_group: bool = False) -> None:
    """Escapes the text of shapes, which markitdown takes for Markdown, and leaves running text out.

    Else ``a*b*c`` would lose its stars and ``List<T>`` its type. Cells of tables it escapes itself.
    """
    for shape in [shape for shape in shapes if shape.has_chart]:
        is_read = make_table(None if is_group else shapes, shape)
        writer.left_out["charts"] += not is_read
    for shape in [*shapes]:
        if shape.is_placeholder and getattr(shape.placeholder_format.type, "name", "") in RUNNING:
            writer.left_out["running heads and feet"] += bool(shape.text_frame.text.strip())
            shape.element.getparent().remove(shape.element)
        elif hasattr(shape, "shapes"):
            _make_plain(shape.shapes, writer, is_group=True)
        elif shape.has_text_frame:
            _escape(shape.text_frame)
        elif shape.element.tag.endswith("}graphicFrame"):
            writer.left_out["embedded objects"] += not shape.has_table


def _escape(frame: Any) -> None:
    for paragraph in frame.paragraphs:
        for run in paragraph.runs:
            run.text = PUNCTUATION.sub(r"\\\1", run.text)


def _lines_apart(text: str) -> str:
    """Each line of a slide is a paragraph of its own, except for rows of a table.

    A line of text that begins like a row has been escaped. markitdown sets tables one below the
    other without a line between them; the rule below its head tells where the second begins.
    """
    lines: list[str] = []
    is_ruled = False
    for line in map(str.strip, text.split("\n")):
        if not line.startswith("|"):
            lines += ["", line, ""]
            is_ruled = False
        elif RULE.fullmatch(line) and is_ruled:
            lines[-1:] = ["", lines[-1], line]
        else:
            lines.append(line)
            is_ruled = is_ruled or RULE.fullmatch(line) is not None
    return "\n".join(lines)
