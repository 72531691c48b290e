"""Kind: what a file is, told by its content. Its name only decides between kinds of plain text."""

from __future__ import annotations

import csv
import json
import re
from pathlib import PurePath

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.synthesize.documents.refusal import Refusal

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
MAGIC = {
    b"\x89PNG\r\n\x1a\n": "a picture (PNG), which holds no text. Give the text as a document.",
    b"\xff\xd8\xff": "a picture (JPEG), which holds no text. Give the text as a document.",
    b"GIF8": "a picture (GIF), which holds no text. Give the text as a document.",
    b"II*\0": "a picture (TIFF), which holds no text. Give the text as a document.",
    b"MM\0*": "a picture (TIFF), which holds no text. Give the text as a document.",
    b"{\\rtf": "rich text (RTF), which is not read. Save it as docx.",
    b"\x1f\x8b": "packed (gzip). Unpack it first.",
    b"7z\xbc\xaf": "an archive (7z). Unpack it first.",
    b"Rar!": "an archive (RAR). Unpack it first.",
    b"(\xb5/\xfd": "packed (zstd). Unpack it first.",
    b"\x7fELF": "a program. Leave it out.",
    b"MZ": "a program. Leave it out.",
    b"PAR1": "data (Parquet), no document. Use it as data.path.",
}
"""First bytes of kinds that are not read -> what to say."""
SUFFIXES = {
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
    ".text": "text",
}
HTML = re.compile(
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)[\s>]", re.I | re.S
)
XML = re.compile(rb"\s*<\?xml\s")
MARKDOWN = re.compile(r"^(#{1,6} \S|```|\|[ :|-]+\|$)", re.M)
MOSTLY = 0.75
"""Of a table's first rows, which have as many cells as the first of them."""
HEAD = 2**16
"""Bytes that are looked at for the kind of a text."""


def kind_of(name: str, data: bytes) -> str:
    """The kind of a file.

    Args:
        name: of the file; its suffix decides where several kinds of text would do.
        data: all its bytes.

    Raises:
        Refusal: it is none that is read.
    """
    if not data:
        raise Refusal("is empty (0 bytes). Leave it out, or fetch it again.")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(OLE):
        if ENCRYPTED_PACKAGE in data:
            raise Refusal("needs a password. Save it without one.")
        raise Refusal("is an Office file of the old kind (doc, xls, ppt). Save it as docx.")
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return _zip_kind(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        raise Refusal("is a picture (WebP), which holds no text. Give the text as a document.")
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            raise Refusal(f"is {what}")
    return _text_kind(name, data)


def names_another_kind(name: str, kind: str) -> str | None:
    """The suffix of a name that stands for another kind; None where they agree."""
    suffix = PurePath(name).suffix.lower()
    return suffix if SUFFIXES.get(suffix, kind) != kind else None


def _zip_kind(data: bytes) -> str:
    """Told by the names at the end of the file, where a zip keeps its directory."""
    directory = data[-(2**20) :]
    if b"word/document" in directory or b"word/_rels/document" in directory:
        return "docx"
    if b"xl/workbook.bin" in directory:
        raise Refusal("is a binary spreadsheet (xlsb), which is not read. Save it as xlsx.")
    if b"xl/workbook.xml" in directory:
        return "xlsx"
    if b"ppt/presentation.xml" in directory:
        return "pptx"
    head = data[:200]
    if b"mimetypeapplication/vnd.oasis" in head:
        raise Refusal("is an OpenDocument file, which is not read. Save it as docx.")
    if b"mimetypeapplication/epub" in head or b"META-INF/container.xml" in directory:
        return "epub"
    if b"word/" in directory or b"[Content_Types].xml" in directory:
        return "docx"  # whose reader says what is missing
    raise Refusal("is a zip archive. Unpack it first.")


def _text_kind(name: str, data: bytes) -> str:
    suffix = PurePath(name).suffix.lower()
    if HTML.match(data[:HEAD].removeprefix(b"\xef\xbb\xbf")):
        return "html"
    named = SUFFIXES.get(suffix)
    if named == "html" and b"<" in data:
        return "html"
    try:
        text = decoded("it", data)
    except DataError as error:
        what = "no text of a known encoding" if b"\0" not in data[:HEAD] else "no kind that is read"
        raise Refusal(f"is {what}: {str(error).removeprefix('it:')}") from None
    if HTML.match(text[:HEAD].encode()):
        return "html"
    if XML.match(data):
        raise Refusal("is XML of a kind that is not read. Save it as html or docx.")
    if _is_json(text):
        raise Refusal("is data (JSON), no document. Use it as data.path.")
    if named == "markdown":
        return "markdown"
    if named == "text":
        return "text"
    if _is_table(text, least_columns=2 if named == "csv" else 3):
        return "csv"
    return "markdown" if len(MARKDOWN.findall(text)) >= 2 else "text"


def _is_json(text: str) -> bool:
    line = text.strip().split("\n", 1)[0]
    if line[:1] not in "{[":
        return False
    for part in (line, text):
        try:
            return isinstance(json.loads(part), dict | list)
        except (ValueError, RecursionError):
            continue
    return False


def _is_table(text: str, *, least_columns: int) -> bool:
    """Whether the first lines are parted into one number of columns."""
    lines = text.splitlines()[:20]
    lines = [line for line in lines if line.strip()]
    if len(lines) < least_columns:  # prose may hold as many commas in two lines, hardly in three
        return False
    for mark in ",;\t|":
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=mark)]
        except csv.Error:
            continue
        n_alike = sum(count == counts[0] for count in counts)  # the others may be broken rows
        if counts[0] >= least_columns and n_alike >= MOSTLY * len(counts):
            return True
    return False
