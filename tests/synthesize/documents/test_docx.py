"""Word documents: everything in reading order, and what is left out is counted."""

from __future__ import annotations

import io

import pytest
from made_documents import make_docx, make_zip, outline, paragraph, part, relations


def level(number: int, form: str, text: str) -> str:
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def abstract(number: int, *levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{number}">{"".join(levels)}</w:abstractNum>'


NUMBERING = f"""
{abstract(0, level(0, "decimal", "%1."), level(1, "lowerLetter", "%1%2)"))}
{abstract(1, level(0, "bullet", chr(0xF0B7)))}
{abstract(2, level(0, "chineseCounting", "第%1条"))}
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="0"/>
  <w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
"""


def style(style_id: str, name: str, based_on: str = "", properties: str = "") -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{style_id}"><w:name w:val="{name}"/>{base}'
        f"<w:pPr>{properties}</w:pPr></w:style>"
    )


STYLES = "".join(
    [
        style("N", "Normal").replace("<w:style ", '<w:style w:default="1" '),
        style("T", "Title"),
        style("H1", "heading 1", "N"),
        style("H2", "heading 2"),
        style("Mine", "My part", "H2"),
        style("O", "Outlined", properties='<w:outlineLvl w:val="2"/>'),
        style("TOC1", "toc 1"),
        style("R1", "a", "R2"),
        style("R2", "b", "R1"),
    ]
)


def item(text: str, list_id: int, level: int = 0) -> str:
    number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'
    return paragraph(text, properties=number)


def table(*rows: list[str]) -> str:
    cells = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def p(text: str) -> str:
    return paragraph(text)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_case_48_tables_stand_where_they_stand(read):
    body = p("Before.") + table([p("a"), p("b")], [p("1"), p("2")]) + p("After.")
    document = read(make_docx(body))
    assert document.text == "Before.\n\n| a | b |\n| 1 | 2 |\n\nAfter."
    header, row = document.blocks[1:3]
    assert (header.is_header, row.is_header, header.table, row.table) == (True, False, 0, 0)


def test_case_48_a_nested_table_is_read_in_place(read):
    inner = table([p("x"), p("y")], [p("3"), p("4")])
    body = table([p("a"), p("b")], [p("left") + inner + p("below"), p("right")], [p("5"), p("6")])
    document = read(make_docx(body))
    assert outline(document) == [
        ("row", "| a | b |"),
        ("paragraph", "left"),
        ("row", "| x | y |"),
        ("row", "| 3 | 4 |"),
        ("paragraph", "below"),
        ("paragraph", "right"),
        ("row", "| 5 | 6 |"),
    ]
    assert [block.table for block in document.blocks] == [0, None, 1, 1, None, None, 0]


def test_case_48_merged_cells_keep_the_columns_apart(read):
    wide = '<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + p("wide") + "</w:tc>"
    body = f"<w:tbl><w:tr>{wide}<w:tc>{p('c')}</w:tc></w:tr></w:tbl>"
    assert read(make_docx(body)).text == "| wide | | c |"


def test_case_48_a_row_that_holds_several_rows_is_parted(read):
    def lines(*texts: str) -> str:
        return "".join(map(p, texts))

    body = table(
        [p(""), p("2006"), p("2007")],
        [lines("Income", "Tax", "Net"), lines("17,542", "388", "16,717"), lines("€1", "0", "4.7%")],
    )
    assert read(make_docx(body)).text.split("\n") == [
        "| | 2006 | 2007 |",
        "| Income | 17,542 | €1 |",
        "| Tax | 388 | 0 |",
        "| Net | 16,717 | 4.7% |",
    ]
    prose = table([p("h"), p("i")], [lines("one", "two"), lines("three", "four")])
    assert read(make_docx(prose)).text.split("\n")[1] == "| one / two | three / four |"


def test_case_48_notes_follow_their_paragraph(read):
    refers = '<w:p>{}<w:r><w:{}Reference w:id="{}"/></w:r>{}</w:p>'
    body = (
        refers.format(run("A claim"), "footnote", 2, run(" goes on."))
        + refers.format(run("Another"), "endnote", 3, "")
        + p("The end.")
    )
    feet = (
        '<w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        f'<w:footnote w:id="2">{p("Its source,")}{p("and more.")}</w:footnote>'
        f'<w:footnote w:id="9">{p("nobody asks")}</w:footnote>'
    )
    document = read(
        make_docx(body, footnotes=feet, endnotes=f'<w:endnote w:id="3">{p("At last.")}</w:endnote>')
    )
    assert outline(document) == [
        ("paragraph", "A claim goes on."),
        ("footnote", "[1] Its source,\nand more."),
        ("paragraph", "Another"),
        ("footnote", "[2] At last."),
        ("paragraph", "The end."),
    ]
    assert document.left_out == {"notes that nothing refers to": 1}


def test_case_48_tracked_changes_are_read_as_accepted(read):
    body = (
        f"<w:p>{run('Rent is ')}<w:del>{run('500')}</w:del><w:ins>{run('600')}</w:ins>"
        f"{run(' a month.')}</w:p>"
        # The end of this paragraph is deleted, so it goes on in the next.
        f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{run('First half, ')}</w:p>{p('second half.')}"
        f"<w:p><w:moveFrom>{run('moved text')}</w:moveFrom></w:p>"
        f"<w:p><w:moveTo>{run('moved text')}</w:moveTo></w:p>"
        f"<w:tbl><w:tr><w:tc>{p('a')}</w:tc><w:tc>{p('b')}</w:tc></w:tr>"
        f"<w:tr><w:trPr><w:del/></w:trPr><w:tc>{p('gone')}</w:tc><w:tc>{p('too')}</w:tc></w:tr>"
        f"<w:tr><w:trPr><w:ins/></w:trPr><w:tc>{p('new')}</w:tc><w:tc>{p('row')}</w:tc></w:tr></w:tbl>"
    )
    document = read(make_docx(body))
    assert [text for _, text in outline(document)] == [
        "Rent is 600 a month.",
        "First half, second half.",
        "moved text",
        "| a | b |",
        "| new | row |",
    ]
    assert document.left_out == {"tracked deletions": 2, "tracked moves away": 1}


def test_case_48_headings_make_the_path(read):
    body = (
        paragraph("The book", style="T")
        + paragraph("One", style="H1")
        + p("a")
        + paragraph("Deep", style="Mine")
        + p("b")
        + paragraph("Deeper", style="O")
        + p("c")
        + paragraph("Two", style="H1")
        + p("d")
        + paragraph("Odd", style="R1")
    )
    document = read(make_docx(body, styles=STYLES))
    paths = {document.text_of(b): b.headings for b in document.blocks if b.kind == "paragraph"}
    assert paths == {
        "a": ("The book", "One"),
        "b": ("The book", "One", "Deep"),
        "c": ("The book", "One", "Deep", "Deeper"),
        "d": ("The book", "Two"),
        "Odd": ("The book", "Two"),
    }


@pytest.mark.parametrize(
    ("titles", "levels"),
    [
        (["*Costs", "*Benefits"], [1, 1]),
        (["第一章 总则", "第二节 费用"], [1, 2]),
        (["一、产品介绍", "（一）规格"], [2, 3]),
        (["Chapter 3 Costs", "3.1 Rent", "3.1.2 Heating"], [1, 2, 3]),
        (["*18.33.010 Purpose."], [3]),
    ],
)
def test_case_48_headings_that_no_style_marks_are_found(read, titles, levels):
    text = "This is running text, which goes on for quite a while and ends like a sentence. " * 3
    body = "".join(
        paragraph(title.removeprefix("*"), bold=title.startswith("*")) + p(text) for title in titles
    )
    document = read(make_docx(body))
    found = [(document.text_of(b), b.level) for b in document.blocks if b.kind == "heading"]
    assert found == [(t.removeprefix("*"), n) for t, n in zip(titles, levels, strict=True)]


@pytest.mark.parametrize(
    "text",
    ["Bold but a sentence.", "1. Wash your hands", "Total: 45", "Yes, and", "12345", "“Quoted”"],
)
def test_what_is_no_heading_is_not_taken_for_one(read, text):
    bold = text == "Bold but a sentence."
    document = read(make_docx(paragraph(text, bold=bold) + p("Some text follows here.")))
    assert {block.kind for block in document.blocks} == {"paragraph"}


def test_lists_show_the_numbers_that_word_shows(read):
    body = "".join(
        [item("a", 1), item("b", 1), item("c", 1, 1), item("d", 1, 1), item("e", 1)]
        + [item("f", 2), item("g", 3), item("h", 3), item("i", 4), item("", 4), item("j", 4)]
        + [item("none", 99)]
    )
    document = read(make_docx(body, numbering=NUMBERING))
    assert document.text.split("\n") == [
        "1. a", "2. b", "2a) c", "2b) d", "3. e", "- f", "第一条 g", "第二条 h", "7. i", "9. j", "",
        "none",
    ]  # fmt: skip
    assert [b.level for b in document.blocks if b.kind == "item"][:4] == [0, 0, 1, 1]


def test_a_table_of_contents_is_junk_and_kept_apart(read):
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    toc = (
        f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{p('Contents')}"
        f"{paragraph('One 3', style='TOC1')}</w:sdtContent></w:sdt>"
    )
    document = read(make_docx(toc + p("Two ........ 4") + p("Text."), styles=STYLES))
    assert [b.junk for b in document.blocks] == ["table of contents"] * 3 + [""]


def test_text_boxes_are_read_once(read):
    box = f"<w:txbxContent>{p('In the box.')}</w:txbxContent>"
    both = (
        "<m:AlternateContent xmlns:m='m'>"
        f"<m:Choice><w:drawing>{box}</w:drawing></m:Choice>"
        f"<m:Fallback><w:pict>{box}</w:pict></m:Fallback></m:AlternateContent>"
    )
    document = read(make_docx(f"<w:p>{run('Beside it.')}<w:r>{both}</w:r></w:p>"))
    assert [text for _, text in outline(document)] == ["Beside it.", "In the box."]


def test_what_is_left_out_is_counted(read):
    body = (
        f"<w:p>{run('Seen.')}<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        "<w:r><w:commentReference w:id='1'/></w:r><w:r><w:sym w:font='Wingdings' w:char='F04A'/>"
        "</w:r></w:p>"
    )
    document = read(make_docx(body, header=p("Confidential"), footer="<w:p/>"))
    assert document.text == "Seen."
    assert document.left_out == {
        "comments": 1, "hidden text": 1, "running heads and feet": 1,
        "symbols of a picture font": 1,
    }  # fmt: skip


def test_the_strict_kind_is_read_too(read):
    data = make_zip(
        {
            "_rels/.rels": relations(officeDocument="word/document.xml").replace(
                "http://schemas.openxmlformats.org/officeDocument/2006/",
                "http://purl.oclc.org/ooxml/officeDocument/",
            ),
            "word/document.xml": part("document", f"<w:body>{p('Strictly.')}</w:body>").replace(
                "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                "http://purl.oclc.org/ooxml/wordprocessingml/main",
            ),
        }
    )
    assert read(data).text == "Strictly."


def test_links_fields_breaks_and_odd_characters(read):
    body = (
        f"<w:p><w:hyperlink>{run('a link')}</w:hyperlink><w:r><w:br/></w:r>{run('next  line')}"
        "<w:r><w:tab/></w:r><w:r><w:instrText>PAGEREF x</w:instrText></w:r>"
        f"<w:fldSimple>{run('7')}</w:fldSimple><w:r><w:noBreakHyphen/></w:r>"
        f"{run('soft&#173;ened &#8203;e&#769;')}</w:p>"
    )
    assert read(make_docx(body)).text == "a link\nnext line 7-softened é"


def test_python_docx_reads_the_same_words(read):
    """A document made by python-docx, read by both: the same paragraphs and cells in order."""
    import docx

    made = docx.Document()
    made.add_heading("Report", 0)
    made.add_heading("Part one", 1)
    made.add_paragraph("A paragraph with a ").add_run("bold word").bold = True
    made.add_paragraph("first", style="List Bullet")
    grid = made.add_table(rows=2, cols=2)
    for n, cell in enumerate(c for row in grid.rows for c in row.cells):
        cell.text = f"cell {n}"
    made.add_paragraph("The end.")
    target = io.BytesIO()
    made.save(target)
    document = read(target.getvalue())
    theirs = docx.Document(io.BytesIO(target.getvalue()))
    ours = [t for kind, t in outline(document) if kind != "row"]
    assert [t.removeprefix("- ") for t in ours] == [p.text for p in theirs.paragraphs]
    rows = [[c.text for c in row.cells] for row in theirs.tables[0].rows]
    assert [t for kind, t in outline(document) if kind == "row"] == [
        f"| {' | '.join(row)} |" for row in rows
    ]
    assert [b.level for b in document.blocks if b.kind == "heading"] == [0, 1]


def test_the_same_bytes_give_the_same_document(read):
    data = make_docx(p("Once.") + table([p("a"), p("b")], [p("1"), p("2")]))
    assert read(data) == read(data)
    assert len(read(data).sha256) == 64
