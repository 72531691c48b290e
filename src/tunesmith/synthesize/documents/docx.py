"""Word documents: the body in order, with tables, notes and text boxes where they stand.

Read straight from the XML, by the names of elements without their namespaces, so that files of the
strict kind and with macros are read alike. Tracked changes are read as accepted: insertions stay,
deletions go. Comments, pictures, hidden text and running heads are counted and left out.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.docx_lists import BULLET, Lists
from tunesmith.synthesize.documents.docx_relations import target, targets
from tunesmith.synthesize.documents.docx_runs import Paragraph, read_runs
from tunesmith.synthesize.documents.docx_styles import (
    BODY_LEVEL,
    Style,
    Styles,
    child,
    is_on,
    local,
    number,
    value,
)
from tunesmith.synthesize.documents.headings import is_contents_line, is_short, numbered_level
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer, clean, side_by_side

CONTENTS = "table of contents"
LARGER = 1.15
"""Times the size of running text that makes a short paragraph a heading."""
CHARS_FOR_A_HEADING = 3000
"""Where the headings that styles mark are rarer than this, others are looked for."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a docx.

    Raises:
        Refusal: it is damaged, locked, too large when unpacked, or holds what none should.
    """
    container = Container(data, limits)
    main = target(container, "", "officeDocument")
    if main is None or main not in container.names:
        raise Refusal("is a container without a Word document in it. Save it as docx.")
    reader = _Reader(container, main, writer)
    body = child(container.xml(main), "body")
    if body is None:
        raise Refusal("has no body. Save the document anew.")
    reader.blocks(body)
    reader.finish()


class _Reader:
    """One document while it is read."""

    def __init__(self, container: Container, main: str, writer: Writer) -> None:
        def part(kind: str) -> Any:
            name = target(container, main, kind)
            return container.xml(name) if name and name in container.names else None

        self.writer = writer
        self.left_out: Counter[str] = writer.left_out
        self.styles = Styles(part("styles"))
        self.lists = Lists(part("numbering"))
        self.notes: dict[tuple[str, str], Any] = {}
        for kind in ("footnote", "endnote"):
            root = part(f"{kind}s")
            for note in () if root is None else root:
                if value(note, "type") in (None, "normal"):
                    self.notes[kind, value(note, "id") or ""] = note
        for kind in ("header", "footer"):
            for name in targets(container, main, kind):
                root = container.xml(name) if name in container.names else ()
                if any((t.text or "").strip() for e in root for t in e.iter() if local(t) == "t"):
                    self.left_out["running heads and feet"] += 1
        self.n_notes = 0
        self.carried = ""
        """Text of a paragraph whose end was deleted: it goes on in the next."""
        self.unstyled: list[tuple[int, int, bool]] = []
        """Of short paragraphs that may be headings: block, half points, whether bold."""
        self.sizes: Counter[int] = Counter()

    def blocks(self, parent: Any, *, junk: str = "") -> None:
        """Reads paragraphs and tables one after another."""
        for element in parent:
            name = local(element)
            match name:
                case "p":
                    self.paragraph(element, junk=junk)
                case "tbl":
                    self.table(element)
                case "sdt":
                    self._controlled(element, junk=junk)
                case "del" | "moveFrom":
                    self.left_out["tracked deletions"] += 1
                case "altChunk":
                    self.left_out["embedded documents"] += 1
                case "AlternateContent" if len(element):
                    self.blocks(element[0], junk=junk)
                case "ins" | "moveTo" | "customXml" | "smartTag":
                    self.blocks(element, junk=junk)
                case _:
                    pass  # properties and marks

    def _controlled(self, element: Any, *, junk: str) -> None:
        gallery = value(child(element, "sdtPr", "docPartObj", "docPartGallery")) or ""
        content = child(element, "sdtContent")
        if content is not None:
            self.blocks(content, junk=CONTENTS if "Contents" in gallery else junk)

    def paragraph(self, element: Any, *, junk: str = "") -> None:
        """Reads a paragraph, then its text boxes and the notes that it refers to."""
        properties = child(element, "pPr")
        style = self.styles.of(value(child(element, "pPr", "pStyle")))
        found = Paragraph()
        read_runs(element, found, self.left_out, is_bold=style.is_bold)
        text = self.carried + found.text
        self.carried = ""
        is_toc = style.is_toc or any(f.split()[:1] == ["TOC"] for f in found.fields)
        if is_toc or is_contents_line(text):
            junk = junk or CONTENTS
        if properties is not None and child(properties, "rPr", "del") is not None:
            self.carried = text
        else:
            self._write(text, properties, style, found, junk)
        for box in found.boxes:
            self.blocks(box)
        for key in found.notes:
            self._note(key)

    def _write(self, text: str, properties: Any, style: Style, found: Paragraph, junk: str) -> None:
        heading = style.heading
        outline = number(value(child(properties, "outlineLvl"))) if properties is not None else None
        if outline is not None:
            heading = outline + 1 if outline < BODY_LEVEL else None
        mark, level = self._mark(properties, style)  # Word counts empty paragraphs too
        if not clean(text):
            return
        if mark and not (heading is not None and mark == BULLET):
            text = f"{mark} {text}"
        if heading is not None:
            # "Heading" styles are used for whole paragraphs too, where somebody liked the look.
            is_heading = len(clean(text)) <= 200
            kind = "heading" if is_heading else "paragraph"
            self.writer.add(kind, text, level=heading if is_heading else 0, junk=junk)
            return
        if mark is not None:
            self.writer.add("item", text, level=level, junk=junk)
            is_bullet = mark == BULLET
        else:
            self.writer.add("paragraph", text, junk=junk)
            is_bullet = False
        self._consider(text, style, found, may_be=not junk and not is_bullet)

    def _mark(self, properties: Any, style: Style) -> tuple[str | None, int]:
        """What a list puts before a paragraph (None: it is in no list), and the list's depth."""
        own = child(properties, "numPr") if properties is not None else None
        list_id = value(child(own, "numId")) if own is not None else None
        list_id = style.list_id if list_id is None else list_id
        if list_id in (None, "0"):
            return None, 0
        level = number(value(child(own, "ilvl"))) if own is not None else None
        level = style.list_level if level is None else level
        return self.lists.next(list_id or "", level), level

    def _consider(self, text: str, style: Style, found: Paragraph, *, may_be: bool) -> None:
        """Keeps in mind how large and how bold a paragraph is, until all are known."""
        usual = style.size or self.styles.default_size
        size = usual
        if found.sizes:
            size = found.sizes.most_common(1)[0][0] or usual
        self.sizes[size] += found.n_chars
        is_bold = found.n_chars > 0 and found.bold_chars == found.n_chars
        if may_be and is_short(clean(text), may_end=is_bold):
            self.unstyled.append((len(self.writer.blocks) - 1, size, is_bold))

    def _note(self, key: tuple[str, str]) -> None:
        note = self.notes.pop(key, None)
        if note is None:
            return
        self.n_notes += 1
        texts: list[str] = []
        for paragraph in (e for e in note.iter() if local(e) == "p"):
            found = Paragraph()
            read_runs(paragraph, found, self.left_out, is_bold=False)
            texts.append(clean(found.text))
        text = "\n".join(filter(None, texts))
        self.writer.add("footnote", f"[{self.n_notes}] {text}" if text else "")

    def table(self, element: Any) -> None:
        """Reads a table row by row; what is no plain cell is read in place, as blocks."""
        table = self.writer.new_table()
        rows = [row for row in _inside(element, "tr") if not self._is_gone(row)]
        grid = [list(_inside(row, "tc")) for row in rows]
        n_columns = max(map(len, grid), default=0)
        for place, (row, cells) in enumerate(zip(rows, grid, strict=True)):
            is_open = n_columns == 1 or any(_inside(cell, "tbl") for cell in cells)
            if is_open:
                for cell in cells:
                    self.blocks(cell)
                continue
            marked = is_on(child(row, "trPr", "tblHeader"))
            notes: list[tuple[str, str]] = []
            boxes: list[Any] = []
            texts = [text for cell in cells for text in self._cell(cell, notes, boxes)]
            is_header = marked or (place == 0 and len(rows) > 1)
            for row_texts in [texts] if is_header else side_by_side(texts):
                self.writer.row(row_texts, table, is_header=is_header)
            for box in boxes:
                self.blocks(box)
            for key in notes:
                self._note(key)

    def _is_gone(self, row: Any) -> bool:
        is_gone = child(row, "trPr", "del") is not None
        self.left_out["tracked deletions"] += is_gone
        return is_gone

    def _cell(self, cell: Any, notes: list[tuple[str, str]], boxes: list[Any]) -> list[str]:
        """The text of a cell, and an empty one for each further column that it spans."""
        texts: list[str] = []
        for paragraph in _inside(cell, "p"):
            found = Paragraph()
            read_runs(paragraph, found, self.left_out, is_bold=False)
            style = self.styles.of(value(child(paragraph, "pPr", "pStyle")))
            mark, _ = self._mark(child(paragraph, "pPr"), style)
            text = clean(found.text)
            texts.append(f"{mark} {text}" if mark and text else text)
            notes += found.notes
            boxes += found.boxes
        span = number(value(child(cell, "tcPr", "gridSpan"))) or 1
        return ["\n".join(texts).rstrip(), *[""] * min(span - 1, 62)]

    def finish(self) -> None:
        """Finds headings where no style marks any, and counts notes that nothing refers to."""
        if self.carried:
            self.writer.add("paragraph", self.carried)
        if self.notes:
            self.left_out["notes that nothing refers to"] += len(self.notes)
        self.left_out += Counter()  # leaves zeros out
        marked = [block.level for block in self.writer.blocks if block.kind == "heading"]
        n_chars = sum(block.end - block.start for block in self.writer.blocks)
        if n_chars > CHARS_FOR_A_HEADING * len(marked):
            self._guess_headings(max(marked, default=0))

    def _guess_headings(self, above: int) -> None:
        """Makes headings of short paragraphs, below those that styles mark."""
        usual = self.sizes.most_common(1)[0][0] if self.sizes else 0
        text = self.writer.text
        levels: dict[int, int] = {}
        sizes = sorted(
            {size for _, size, _ in self.unstyled if size > usual * LARGER}, reverse=True
        )
        for place, size, is_bold in self.unstyled:
            block = self.writer.blocks[place]
            title = text[block.start : block.end]
            level = numbered_level(title, may_end=is_bold)
            if level is None and is_short(title):
                if size > usual * LARGER:
                    level = sizes.index(size) + 1
                elif is_bold:
                    level = len(sizes) + 1
            if level is not None:
                levels[place] = above + level
        self.writer.make_headings(levels)


def _inside(element: Any, name: str) -> list[Any]:
    """Children of a name, also those within content controls and insertions."""
    found: list[Any] = []
    for inner in element:
        match local(inner):
            case kind if kind == name:
                found.append(inner)
            case "sdt" | "sdtContent" | "ins" | "moveTo" | "customXml" | "smartTag":
                found += _inside(inner, name)
            case _:
                pass
    return found
