"""HTML: the main content in the order of the source; what surrounds it is counted and left out."""

from __future__ import annotations

import codecs
import importlib
import re
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.synthesize.documents.html_words import (
    BLOCKS,
    HEADINGS,
    LEFT_OUT,
    is_hidden,
    surrounding,
)
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer, clean

CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
WHITE = re.compile(r"[ \t\n\r\f]+")
LEAST_LINKS = 4
LONGEST_LINK = 40
"""Letters of a link in a menu, on average."""
LINKED = 0.8
"""Of a list's letters."""
LARGEST_SPAN = 64
"""Columns that a cell may say it spans."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads an HTML page.

    Raises:
        Refusal: it is not of the encoding that it names, or nested too deeply.
    """
    read_markup(text_of(data), writer, is_page=True)


def text_of(data: bytes) -> str:
    """The page as text, by its mark, by what it says itself, or as UTF-8.

    Raises:
        Refusal: a byte is not of that encoding, or the encoding is not known.
    """
    found = CHARSET.search(data[:4096])
    name = found[1].decode() if found else "utf-8"
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise Refusal(f"names an encoding that is not known ({name}). Save it as UTF-8.") from None
    has_mark = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # What says UTF-16 in letters of one byte cannot be it.
    if has_mark or codec.startswith("utf-"):
        try:
            return decoded("it", data.replace(b"\0", b"") if not has_mark else data)
        except DataError as error:
            told = str(error).removeprefix("it:")
            raise Refusal(f"is no text of a known encoding: {told}") from None
    # Pages that say so mean these, of which the named ones are a part (as browsers take it).
    codec = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(
        codec, codec
    )
    try:
        return data.decode(codec)
    except (UnicodeDecodeError, LookupError) as error:
        raise Refusal(f"says that it is {name}, but is not: {error}. Save it as UTF-8.") from None


def read_markup(markup: str, writer: Writer, *, is_page: bool) -> None:
    """Reads markup.

    Args:
        markup: HTML.
        writer: where to put the blocks.
        is_page: things around the content (menus, feet) are looked for and left out.

    Raises:
        Refusal: it is nested too deeply.
    """
    if not markup.strip():
        return
    etree: Any = importlib.import_module("lxml.etree")
    parser = etree.HTMLParser(
        no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, encoding="utf-8"
    )
    tree = etree.fromstring(markup.encode("utf-8", "replace"), parser)
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise Refusal("is nested too deeply. Save it as text.")
    if tree is None:
        return
    reader = _Reader(writer, is_page=is_page)
    root = _main_content(tree) if is_page else tree
    if root is not tree:
        n_chars = _visible(tree) - _visible(root)
        if n_chars > 0:
            writer.left_out["characters around the main content"] += n_chars
        reader.title(root, tree)
    reader.element(root)
    reader.flush()


def _main_content(tree: Any) -> Any:
    """The one element that says that it is the content; else the page."""
    for path in ("//main", "//*[@role='main']", "//article"):
        found = [e for e in tree.xpath(path) if not is_hidden(e)]
        if len(found) == 1 and _visible(found[0]) > 0:
            return found[0]
    bodies = tree.xpath("//body")
    return bodies[0] if bodies else tree


def _visible(element: Any) -> int:
    """Letters in an element that a reader would see, roughly."""
    texts = element.xpath(
        ".//text()[not(ancestor::script or ancestor::style or ancestor::head"
        " or ancestor::noscript or ancestor::template)]"
    )
    return sum(len("".join(text.split())) for text in texts)


class _Reader:
    """Walks a page; text gathers until a block begins or ends."""

    def __init__(self, writer: Writer, *, is_page: bool) -> None:
        self.writer = writer
        self.is_page = is_page
        self._parts: list[str] = []
        self._kind: Any = "paragraph"
        self._mark = ""
        self._depth = 0
        """Of lists."""
        self._junk = ""

    def title(self, root: Any, tree: Any) -> None:
        """A heading that stands before the main content belongs to it."""
        if root.xpath(".//h1") or root.tag == "body":
            return
        outside = [h for h in tree.xpath("//h1") if not is_hidden(h)]
        if len(outside) == 1:
            self.writer.add("heading", _white(outside[0].xpath("string()")), level=1)

    def element(self, element: Any) -> None:
        """Reads an element with all that is in it, but not what stands behind it."""
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag in LEFT_OUT:
            if what := LEFT_OUT[tag]:
                self.writer.left_out[what] += 1
            return
        if is_hidden(element):
            self.writer.left_out["hidden elements"] += 1
            return
        if self.is_page and (what := surrounding(element)):
            self.writer.left_out[what] += 1
            return
        if tag in HEADINGS:
            self._whole(element, "heading", level=int(tag[1]))
        elif tag == "pre":
            self.flush()
            # The parser keeps the first line end, which a browser does not show.
            self.writer.add("code", "".join(element.itertext()))
        elif tag == "table":
            self._table(element)
        elif tag in ("ul", "ol", "menu", "dir"):
            self._list(element)
        elif tag == "br":
            self._parts.append("\n")
        elif tag == "img":
            self.writer.left_out["pictures"] += 1
        elif tag in BLOCKS:
            self.flush()
            self.inside(element)
            self.flush()
        else:
            self.inside(element)

    def inside(self, element: Any) -> None:
        """Reads what is in an element."""
        self._say(element.text)
        for inner in element:
            if isinstance(inner.tag, str):
                self.element(inner)
            self._say(inner.tail)

    def flush(self) -> None:
        """Ends the block that gathers."""
        text = clean("".join(self._parts))
        self._parts.clear()
        if not text:
            return
        mark, self._mark = self._mark, ""
        level = self._depth - 1 if self._kind == "item" else 0
        text = f"{mark} {text}" if mark else text
        self.writer.add(self._kind, text, level=max(0, level), junk=self._junk)

    def _say(self, text: str | None) -> None:
        if text:
            self._parts.append(WHITE.sub(" ", text))

    def _whole(self, element: Any, kind: Any, *, level: int) -> None:
        """An element that is one block."""
        self.flush()
        self.writer.add(kind, self._text(element), level=level)

    def _text(self, element: Any) -> str:
        """The text of an element read by itself, blocks in it parted by line ends."""
        apart = _Reader(Writer(), is_page=self.is_page)
        apart.inside(element)
        apart.flush()
        self.writer.left_out.update(apart.writer.left_out)
        text = apart.writer.text
        return re.sub(r"\n+", "\n", text)

    def _list(self, element: Any) -> None:
        self.flush()
        kept, self._kind, self._depth = self._kind, "item", self._depth + 1
        junk, self._junk = self._junk, self._junk or _junk_list(element)
        start = element.get("start", "")
        n = int(start) if re.fullmatch(r"-?\d{1,9}", start) else 1
        for inner in element:
            if not isinstance(inner.tag, str):
                continue
            self.flush()
            if inner.tag == "li":
                self._mark = f"{n}." if element.tag == "ol" else "-"
                n += 1
            self.element(inner)
            self.flush()
            self._mark = ""
        self._kind, self._depth, self._junk = kept, self._depth - 1, junk

    def _table(self, element: Any) -> None:
        self.flush()
        for caption in element.xpath("./caption"):
            self._whole(caption, "paragraph", level=0)
        rows = element.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
        grid = [row.xpath("./td | ./th") for row in rows]
        n_columns = max(map(len, grid), default=0)
        table = self.writer.new_table()
        is_layout = n_columns == 1 or element.get("role") == "presentation"
        for place, (row, cells) in enumerate(zip(rows, grid, strict=True)):
            if is_hidden(row):
                self.writer.left_out["hidden elements"] += 1
            elif is_layout or any(cell.xpath(".//table") for cell in cells):
                for cell in cells:
                    self.inside(cell)
                    self.flush()
            else:
                texts = [text for cell in cells for text in self._cell(cell)]
                in_head = isinstance(row.getparent().tag, str) and row.getparent().tag == "thead"
                are_heads = bool(cells) and all(cell.tag == "th" for cell in cells)
                is_header = in_head or are_heads or (place == 0 and len(rows) > 1)
                self.writer.row(texts, table, is_header=is_header)

    def _cell(self, cell: Any) -> list[str]:
        span = cell.get("colspan", "1")
        n = int(span) if re.fullmatch(r"\d{1,3}", span) else 1
        return [self._text(cell), *[""] * (min(n, LARGEST_SPAN) - 1)]


def _junk_list(element: Any) -> str:
    """What to call a list of sources, or of hardly anything but short links; else empty."""
    if "references" in (element.get("class") or "").split():
        return "list of sources"
    items = element.xpath("./li")
    if len(items) < LEAST_LINKS:
        return ""
    n_letters = len("".join(element.xpath("string()").split()))
    n_linked = sum(len("".join(link.xpath("string()").split())) for link in element.xpath(".//a"))
    is_short = n_letters < LONGEST_LINK * len(items)
    return "list of links" if is_short and n_linked > LINKED * n_letters else ""


def _white(text: str) -> str:
    return WHITE.sub(" ", text)
