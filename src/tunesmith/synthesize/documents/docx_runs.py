"""Runs of a docx: what a paragraph says once every tracked change is accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tunesmith.synthesize.documents.docx_styles import child, is_on, local, number, value

GONE = {"del": "tracked deletions", "moveFrom": "tracked moves away"}
CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-"}
PRIVATE = 0xF000
"""Where fonts of pictures (Wingdings) have their characters."""


@dataclass
class Paragraph:
    """What was found in a paragraph."""

    parts: list[str] = field(default_factory=list[str])
    bold_chars: int = 0
    n_chars: int = 0
    sizes: Counter[int | None] = field(default_factory=Counter[int | None])
    """Half points -> characters; None: as the style says."""
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """``footnote`` or ``endnote`` and its id, in the order in which they are referred to."""
    boxes: list[Any] = field(default_factory=list[Any])
    """Contents of text boxes that are anchored here."""
    fields: list[str] = field(default_factory=list[str])
    """Instructions of fields, such as ``TOC``."""

    @property
    def text(self) -> str:
        """Its text, white space as written."""
        return "".join(self.parts)

    def write(self, text: str, *, is_bold: bool = False, size: int | None = None) -> None:
        """Adds text."""
        self.parts.append(text)
        n = len(text.strip())
        self.n_chars += n
        self.bold_chars += n if is_bold else 0
        if n:
            self.sizes[size] += n


def read_runs(element: Any, found: Paragraph, left_out: Counter[str], *, is_bold: bool) -> None:
    """Reads what stands in a paragraph.

    Args:
        element: the paragraph, or anything within it.
        found: where to put it.
        left_out: counts what is not read.
        is_bold: whether the paragraph's style is bold.
    """
    for part in element:
        name = local(part)
        if name in GONE:
            left_out[GONE[name]] += 1
        elif name == "r":
            _run(part, found, left_out, is_bold=is_bold)
        elif name == "AlternateContent":
            _alternatives(part, found, left_out, is_bold=is_bold)
        elif name in ("oMath", "oMathPara"):
            found.write("".join(t.text or "" for t in part.iter() if local(t) == "t"))
        elif name not in ("pPr", "rPr", "sdtPr", "proofErr"):
            read_runs(part, found, left_out, is_bold=is_bold)  # links, fields, insertions, ...


def _run(run: Any, found: Paragraph, left_out: Counter[str], *, is_bold: bool) -> None:
    properties = child(run, "rPr")
    size = None
    if properties is not None:
        if is_on(child(properties, "vanish")):
            left_out["hidden text"] += 1
            return
        bold = child(properties, "b")
        is_bold = is_bold if bold is None else is_on(bold)
        size = number(value(child(properties, "sz")))
    for part in run:
        name = local(part)
        match name:
            case "t":
                found.write(part.text or "", is_bold=is_bold, size=size)
            case "br":
                is_line = value(part, "type") in (None, "textWrapping")
                found.write("\n" if is_line else "")
            case "sym":
                _symbol(part, found, left_out)
            case "footnoteReference" | "endnoteReference":
                found.notes.append((name.removesuffix("Reference"), value(part, "id") or ""))
            case "commentReference":
                left_out["comments"] += 1
            case "instrText":
                found.fields.append(part.text or "")
            case "ruby":
                base = child(part, "rubyBase")
                if base is not None:
                    read_runs(base, found, left_out, is_bold=is_bold)
                left_out["readings above characters"] += 1
            case "AlternateContent":
                _alternatives(part, found, left_out, is_bold=is_bold)
            case "drawing" | "pict" | "object":
                _drawing(part, found, left_out)
            case _ if name in CHARACTERS:
                found.write(CHARACTERS[name])
            case _:
                pass  # deleted text, field marks, page breaks that were shown once


def _symbol(part: Any, found: Paragraph, left_out: Counter[str]) -> None:
    try:
        code = int(value(part, "char") or "", 16)
    except ValueError:
        code = PRIVATE
    font = (value(part, "font") or "").lower()
    if code >= PRIVATE or font.startswith(("wingdings", "webdings", "symbol")):
        left_out["symbols of a picture font"] += 1
    else:
        found.write(chr(code))


def _alternatives(part: Any, found: Paragraph, left_out: Counter[str], *, is_bold: bool) -> None:
    """The same thing for newer and for older programs: one of them is read."""
    choices = [c for c in part if local(c) in ("Choice", "Fallback")]
    if not choices:
        return
    for inner in choices[0]:
        if local(inner) in ("drawing", "pict", "object"):
            _drawing(inner, found, left_out)
        else:
            read_runs(choices[0], found, left_out, is_bold=is_bold)
            return


def _drawing(part: Any, found: Paragraph, left_out: Counter[str]) -> None:
    """Text boxes of a drawing are kept for later, its pictures counted."""
    name = local(part)
    if name == "txbxContent":
        found.boxes.append(part)
    elif name in ("blip", "imagedata"):
        left_out["pictures"] += 1
    elif name == "OLEObject":
        left_out["embedded objects"] += 1
    elif name == "chart":
        left_out["charts"] += 1
    elif name == "AlternateContent":
        choices = [c for c in part if local(c) in ("Choice", "Fallback")]
        for inner in choices[0] if choices else ():
            _drawing(inner, found, left_out)
    else:
        for inner in part:
            _drawing(inner, found, left_out)
