"""Presentations, spreadsheets and books."""

from __future__ import annotations

import io
import stat
import sys
import time
import zipfile
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_documents import make_docx, make_zip, outline, paragraph
from made_office import make_epub, make_pptx, make_xlsx, slide_of

from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.parse import parse
from tunesmith.synthesize.documents.pool import read_documents
from tunesmith.synthesize.documents.reader_process import ReaderProcess
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import clean

MIB = 2**20


def deck(presentation) -> None:
    from pptx.util import Inches

    first = slide_of(presentation, "Prices & terms", "A first line", "A second line")
    first.notes_slide.notes_text_frame.text = "Say this slowly."
    slide_of(presentation, "Plan", "Third")
    table = presentation.slides[1].shapes.add_table(2, 2, 0, Inches(6), Inches(3), Inches(1)).table
    for n, text in enumerate(["Item", "Price", "Nut | bolt", "7 <EUR>"]):
        table.cell(n // 2, n % 2).text = text


def sheets(book) -> None:
    prices = book.create_sheet("Prices")
    prices.append([None, "Code", "Code", "Note", None, "Share", "When"])
    prices.append([None, "NA", 7, "x" * 60, None, 0.125, datetime(2024, 1, 5)])
    prices.append([None, "DE", None, "a|b", None, 1234567.5, "=1+1"])
    prices["F2"].number_format, prices["F3"].number_format = "0.0%", '#,##0.00 "EUR"'
    prices["G2"].number_format = "d mmm yyyy"
    prices.append([])
    prices.append(["A remark below the table."])
    book.create_sheet("Empty")
    book.create_sheet("Second").append(["x", "y"])
    hidden = book.create_sheet("Hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"


BOOK = make_epub(
    "<h1>One</h1><p>The <i>first</i> text of List&lt;T&gt;, a*b*c.</p>"
    "<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td>2|3</td></tr></table>",
    "<h1>Two</h1><h2>Part</h2><p>More text.</p><ul><li>a</li><li>b</li></ul>",
)


def test_slides_come_in_order_with_titles_tables_and_notes(read):
    document = read(make_pptx(deck), "it")
    assert outline(document) == [
        ("heading", "Prices & terms"),
        ("paragraph", "A first line"),
        ("paragraph", "A second line"),
        ("heading", "Notes:"),
        ("paragraph", "Say this slowly."),
        ("heading", "Plan"),
        ("paragraph", "Third"),
        ("row", "| Item | Price |"),
        ("row", "| Nut | bolt | 7 <EUR> |"),
    ]
    assert (document.kind, document.n_pages) == ("pptx", 2)
    assert [block.page for block in document.blocks] == [1] * 5 + [2] * 4
    assert document.blocks[4].headings == ("Prices & terms", "Notes:")
    assert [block.is_header for block in document.blocks[-2:]] == [True, False]


LINE = st.text("ab #*_`~|<>&[]()\\!-+=.1\"'{}$:/é中", min_size=1, max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINE, min_size=4, max_size=12))
def test_no_letter_of_a_slide_is_taken_for_markup(lines):
    """Markdown would take ``a*b*c`` for slanted type and ``<T>`` for a tag."""

    def fill(presentation) -> None:
        slide = slide_of(presentation, f"T{lines[0]}", *lines[1:-1])
        slide.shapes.add_table(1, 2, 0, 6_000_000, 99, 99).table.cell(0, 0).text = f"c{lines[-1]}"

    document = parse("it", make_pptx(fill), Limits())
    body = [clean(line) for line in lines[1:-1]]
    cell = clean(f"c{lines[-1]}")
    assert outline(document) == [
        ("heading", clean(f"T{lines[0]}")),
        *(("paragraph", line) for line in body if line),
        ("row", f"| {cell} | |"),
    ]


def test_charts_and_groups_are_read_and_what_is_not_is_counted(read):
    from pptx.chart.data import CategoryChartData, XyChartData
    from pptx.enum.chart import XL_CHART_TYPE

    def fill(presentation) -> None:
        shapes = slide_of(presentation, "Figures", "x").shapes
        data = CategoryChartData()
        data.categories = ["2023", "a|b"]
        data.add_series("Nuts", (1.5, None))
        frame = shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 5_000_000, 99, 99, data)
        frame.chart.chart_title.text_frame.text = "Sold *nuts*"
        points = XyChartData()
        points.add_series("Points").add_data_point(1, 2)
        shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, 0, 5_500_000, 99, 99, points)
        group = shapes.add_group_shape()
        group.shapes.add_textbox(0, 6_000_000, 99, 99).text_frame.text = "In a *group*"
        slide_of(presentation, "Kept back", "for questions")._element.set("show", "0")
        footer = slide_of(presentation, "Last", "Confidential").placeholders[1]
        footer._element.nvSpPr.nvPr.ph.set("type", "ftr")

    document = read(make_pptx(fill), "it")
    assert outline(document) == [
        ("heading", "Figures"),
        ("paragraph", "x"),
        ("paragraph", "Sold *nuts*"),
        ("row", "| | Nuts |"),
        ("row", "| 2023 | 1.5 |"),
        ("row", "| a|b | |"),
        ("paragraph", "In a *group*"),
        ("heading", "Last"),
    ]
    assert document.left_out == {"charts": 1, "hidden slides": 1, "running heads and feet": 1}
    assert document.blocks[-1].page == 3


def test_tables_one_below_the_other_stay_two(read):
    """markitdown sets no line between them, and the wider one would lose its last column."""

    def fill(presentation) -> None:
        shapes = slide_of(presentation, "T").shapes
        for top, n_columns in ((3_000_000, 1), (4_000_000, 3), (5_000_000, 2)):
            table = shapes.add_table(2, n_columns, 0, top, 99, 99).table
            for n in range(2 * n_columns):
                table.cell(n // n_columns, n % n_columns).text = "---" if n else "x"

    document = read(make_pptx(fill), "it")
    assert [(b.table, document.text_of(b)) for b in document.blocks if b.kind == "row"] == [
        (1, "| x | --- | --- |"),
        (1, "| --- | --- | --- |"),
        (2, "| x | --- |"),
        (2, "| --- | --- |"),
    ]
    assert [document.text_of(b) for b in document.blocks[1:3]] == ["x", "---"]


def test_sheets_come_in_order_with_cells_as_they_are_shown(read):
    document = read(make_xlsx(sheets), "it")
    assert outline(document) == [
        ("heading", "Prices"),
        ("row", "| Code | Code | Note | Share | When |"),
        ("row", f"| NA | 7 | {'x' * 60} | 12.5% | 5 Jan 2024 |"),
        ("row", "| DE | | a|b | 1,234,567.50 EUR | |"),
        ("paragraph", "A remark below the table."),
        ("heading", "Second"),
        ("row", "| x | y |"),
    ]
    assert document.left_out == {"formulas without a value": 1, "hidden sheets": 1}
    assert [b.is_header for b in document.blocks[1:4]] == [True, False, False]
    assert document.blocks[4].headings == ("Prices",)


def test_a_formula_gives_what_it_came_to(read):
    data = make_xlsx(lambda book: book.create_sheet("S").append([2, "=A1*2", '=IF(A1,"","")']))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sheet = files["xl/worksheets/sheet1.xml"]
    assert sheet.count(b"<v />") + sheet.count(b"<v></v>") == 2, sheet  # as lxml is there or not
    sheet = sheet.replace(b"<v></v>", b"<v />").replace(b"<v />", b"<v>4</v>", 1)
    document = read(make_zip({**files, "xl/worksheets/sheet1.xml": sheet}), "it")
    assert "| 2 | 4 |" in document.text and "=" not in document.text


def test_chapters_come_in_the_order_of_the_spine(read):
    document = read(BOOK, "it")
    assert outline(document) == [
        ("paragraph", "Title: A book"),
        ("heading", "One"),
        ("paragraph", "The first text of List<T>, a*b*c."),
        ("row", "| x | y |"),
        ("row", "| 1 | 2|3 |"),
        ("heading", "Two"),
        ("heading", "Part"),
        ("paragraph", "More text."),
        ("item", "- a"),
        ("item", "- b"),
    ]
    assert document.kind == "epub"
    assert document.blocks[7].headings == ("Two", "Part")


def test_chapters_that_are_missing_are_counted_and_those_that_are_no_text_are_refused(read):
    with zipfile.ZipFile(io.BytesIO(BOOK)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    inner = make_zip({"a.txt": "inner words"})
    with pytest.raises(Refusal, match=r"OPS/chapter 0\.xhtml in it is no text"):
        read(make_zip({**files, "OPS/chapter 0.xhtml": inner}), "it")
    del files["OPS/chapter 0.xhtml"]
    document = read(make_zip(files), "it")
    assert "More text." in document.text and "first" not in document.text
    assert document.left_out == {"chapters that are not in the file": 1}
    for name in ("OPS/book.opf", "META-INF/container.xml"):
        with pytest.raises(Refusal, match="its list of chapters is missing"):
            read(make_zip({n: d for n, d in files.items() if n != name}), "it")


def test_a_book_with_locked_chapters_is_refused_and_one_with_locked_fonts_is_read(read):
    def locked(name: str) -> str:
        return f'<encryption><e:CipherReference xmlns:e="x" URI="{name}"/></encryption>'

    font = make_epub("<p>Text.</p>", **{"META-INF/encryption.xml": locked("OPS/a.otf")})
    assert "Text." in read(font, "it").text
    with pytest.raises(Refusal, match="locked by its publisher"):
        read(make_epub("<p>x</p>", **{"META-INF/encryption.xml": locked("OPS/c.xhtml")}), "it")


@pytest.mark.parametrize(
    ("package", "data", "what"),
    [
        ("markitdown", make_pptx(deck), "is a presentation (pptx)"),
        ("pptx", make_pptx(deck), "is a presentation (pptx)"),
        ("openpyxl", make_xlsx(sheets), "is a spreadsheet (xlsx)"),
        ("markitdown", BOOK, "is an e-book (EPUB)"),
    ],
)
def test_without_the_extra_the_reason_is_how_to_install_it(read, monkeypatch, package, data, what):
    monkeypatch.setitem(sys.modules, package, None)  # as where it is not installed
    with pytest.raises(Refusal) as told:
        read(data, "it")
    assert str(told.value) == (
        f"{what}. Reading it needs '{package}', which is not installed. "
        "Install it with: pip install 'tunesmith[more-documents]'"
    )
    assert told.value.is_passing, "it is tried again once it is installed"


SOUND = {"pptx": make_pptx(deck), "xlsx": make_xlsx(sheets), "epub": BOOK}
GOOD = make_docx(paragraph("A sentence that anybody can read."))


def reasons(save, *bad: bytes) -> list[str]:
    """Why documents are refused; a sound one behind them is read all the same."""
    files = [save(f"{n}.bin", data) for n, data in enumerate(bad)]
    *results, good = read_documents([*files, save("good.docx", GOOD)], Limits(), n_processes=1)
    assert good.document is not None, good.reason
    assert [result.document for result in results] == [None] * len(bad)
    return [result.reason for result in results]


def with_members(kind: str, *, mode: int = 0, **members: bytes | str) -> bytes:
    """A sound document with more members, or with other content in those it has."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(SOUND[kind])) as sound,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in sound.namelist():
            if name not in members:
                archive.writestr(name, sound.read(name))
        for name, content in members.items():
            member = zipfile.ZipInfo("placeholder")
            member.filename, member.external_attr = name, mode << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def test_all_kinds_are_read_within_the_limits_and_content_decides(save):
    files = [save(f"{kind}.txt", data) for kind, data in SOUND.items()]
    reader = ReaderProcess(Limits())
    try:
        documents = [reader.read(*file) for file in files]
        assert [d.kind for d in documents] == ["pptx", "xlsx", "epub"]
        assert [d.notes for d in documents] == [
            (f"named .txt, but its content is {kind}; it is read as such",) for kind in SOUND
        ]
    finally:
        reader.close()


def test_case_44_bombs_are_refused_before_they_are_unpacked(save):
    bombs = [with_members(kind, **{"media/image.xml": b"\0" * (102 * MIB)}) for kind in SOUND]
    files = [save(f"{n}.bin", data) for n, data in enumerate(bombs)]
    reader = ReaderProcess(Limits())
    try:
        reader.read(*save("good.docx", GOOD))  # the process is warm
        assert reader._process is not None
        started = time.process_time()
        for file in files:
            with pytest.raises(Refusal, match="too large when unpacked"):
                reader.read(*file)
        assert time.process_time() - started < 1
        status = f"/proc/{reader._process.pid}/status"
        with open(status) as lines:
            peak = next(line for line in lines if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 200 * 1024, peak
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("kind", "name"), [("pptx", "ppt/embeddings/inner.zip"), ("xlsx", "xl/embeddings/inner.zip"),
                       ("epub", "OPS/inner.zip")],
)  # fmt: skip
def test_case_44_a_zip_within_them_is_never_opened(read, kind, name):
    inner = make_zip({f"{n}.txt": b"inner words " * 1000 for n in range(40)})
    document = read(with_members(kind, **{name: inner}), "it")
    assert document.text == read(SOUND[kind], "it").text


LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(12)
)
FILE = '<!ENTITY e SYSTEM "file:///etc/passwd">'
ADDRESS = '<!ENTITY % e SYSTEM "http://127.0.0.1:9/x"> %e;'


def test_case_45_entities_are_refused_by_name(save):
    places = [
        ("xlsx", "xl/worksheets/sheet1.xml"),
        ("xlsx", "xl/sharedStrings.xml"),
        ("xlsx", "_rels/.rels"),
        ("pptx", "ppt/slides/slide1.xml"),
        ("epub", "OPS/book.opf"),
        ("epub", "META-INF/container.xml"),
    ]
    bad = [
        with_members(kind, **{name: f'<?xml version="1.0"?><!DOCTYPE x [{entities}]><x>&e;</x>'})
        for entities, (kind, name) in zip([LAUGHS, FILE, ADDRESS] * 2, places, strict=True)
    ]
    for told, (_, name) in zip(reasons(save, *bad), places, strict=True):
        assert f"{name} in it declares a document type (<!DOCTYPE>)" in told


def test_case_45_a_chapter_may_name_its_type_but_nothing_is_fetched_for_it(read):
    chapter = f"<!DOCTYPE html [{FILE}{LAUGHS}]><html><body><p>Words &e; &l11;</p></body></html>"
    document = read(with_members("epub", **{"OPS/chapter 0.xhtml": chapter}), "it")
    assert "root:" not in document.text and len(document.text) < 2000
    assert "Words" in document.text


def test_cases_46_and_47_locked_and_leading_out(save):
    for kind in SOUND:
        locked = bytearray(SOUND[kind])
        locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
        link = with_members(kind, mode=stat.S_IFLNK | 0o777, **{"a/link.xml": "/etc/passwd"})
        out = with_members(kind, **{"../../x": "x"})
        told = reasons(save, bytes(locked), link, out, SOUND[kind][:-30])
        assert "needs a password" in told[0]
        assert "is a link" in told[1] and "leads out of it" in told[2] and "is damaged" in told[3]


def test_deep_nesting_in_a_chapter_is_told(save):
    (told,) = reasons(save, make_epub("<div>" * 5000 + "text"))
    assert "nested too deeply" in told
