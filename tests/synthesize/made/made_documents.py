"""Documents made on the spot: sound ones, and ones that nobody should trust."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from tunesmith.synthesize.documents.block import ParsedDocument

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def relations(**targets: str) -> str:
    lines = "".join(
        f'<Relationship Id="r{n}" Type="{RELATION}{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets.items())
    )
    return (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/'
        f'2006/relationships">{lines}</Relationships>'
    )


def part(root: str, content: str, *, head: str = "") -> str:
    return f'<?xml version="1.0"?>{head}<w:{root} xmlns:w="{W}">{content}</w:{root}>'


def paragraph(text: str, *, style: str = "", bold: bool = False, properties: str = "") -> str:
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return (
        f"<w:p><w:pPr>{style}{properties}</w:pPr>"
        f'<w:r>{weight}<w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


def make_docx(body: str, *, head: str = "", **parts: str) -> bytes:
    """A docx of a body and further parts (``footnotes``, ``styles``, ``numbering``)."""
    files = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": relations(officeDocument="word/document.xml"),
        "word/document.xml": part("document", f"<w:body>{body}</w:body>", head=head),
        "word/_rels/document.xml.rels": relations(**{kind: f"{kind}.xml" for kind in parts}),
    }
    files |= {f"word/{kind}.xml": part(kind, content) for kind, content in parts.items()}
    return make_zip(files)


def make_zip(files: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # As the form of books asks for: their kind is to be read without unpacking.
            way = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, way)
    return target.getvalue()


Text = tuple[float, float, float, str]
"""From the left and from the top in points, size, and what it says."""


def make_pdf(pages: Sequence[Sequence[Text]], *, drawn: str = "") -> bytes:
    """A PDF in Helvetica (bold where the text begins with ``*``); ``drawn`` is put on each page."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    kids: list[str] = []
    for texts in pages:
        lines = [drawn]
        for x, top, size, text in texts:
            font = "F2" if text.startswith("*") else "F1"
            text = text.removeprefix("*")
            for char in "\\()":
                text = text.replace(char, f"\\{char}")
            lines.append(f"BT /{font} {size} Tf {x} {792 - top - size} Td ({text}) Tj ET")
        content = "\n".join(lines).encode("cp1252")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % len(objects)
        )
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    return pdf_of(objects)


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """The file of numbered objects, the first of which is the catalogue."""
    data = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        start,
    )
    return bytes(data)


def wrapped(text: str, *, x: float = 72, top: float = 100, size: float = 10, chars: int = 80,
            step: float = 12) -> list[Text]:  # fmt: skip
    """A paragraph set in lines of at most so many characters."""
    lines: list[str] = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > chars:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [(x, top + n * step, size, line) for n, line in enumerate(lines)]


def outline(document: ParsedDocument) -> list[tuple[str, str]]:
    """Kind and text of every block."""
    return [(block.kind, document.text_of(block)) for block in document.blocks]
