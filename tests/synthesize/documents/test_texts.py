"""HTML, Markdown, plain text and CSV."""

from __future__ import annotations

import pytest
from made_documents import outline

from tunesmith.synthesize.documents.writer import Writer, clean

SENTENCE = "A planted sentence, with commas & an ampersand, is found again."
ESCAPED = SENTENCE.replace("&", "&amp;")
LONG = "This paragraph of the article is there so that the page has some content of its own. "


def texts(document) -> list[str]:
    return [text for _, text in outline(document)]


def html(body: str) -> bytes:
    return f"<!doctype html><html><head><title>T</title></head><body>{body}</body></html>".encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", html(f"<p>First.</p><div><p>{ESCAPED}</p></div>")),
        ("a.html", html("<p>A planted sentence, with <b>commas</b>\n&amp;&#32;an "
                        "<a>ampersand</a>, is&nbsp;found again.")),
        ("a.html", html(f"<table><tr><td>x</td><td>{ESCAPED}</td></tr></table>")),
        ("a.html", html(f"<ul><li>{ESCAPED}</ul>")),
        ("a.md", f"# T\n\n{SENTENCE}\n".encode()),
        ("a.md", b"# T\n\nA planted *sentence*, with commas &\nan ampersand, is **found** again."),
        ("a.md", f"# T\n\n- {SENTENCE}\n- two\n".encode()),
        ("a.txt", f"One.\n\n{SENTENCE}\n\nThree.".encode()),
        ("a.txt", f"One.\r\n\r\n{SENTENCE}\r\n".encode("utf-16")),
        ("a.csv", f'id,text\n1,"{SENTENCE}"\n'.encode()),
    ],
)  # fmt: skip
def test_planted_sentences_are_found_again(read, name, data):
    assert SENTENCE in read(data, name).text


def test_html_main_content_without_what_surrounds_it(read):
    page = html(
        "<header>Site</header><nav><a>Home</a></nav><div class='sidebar'>More</div>"
        f"<main><h1>Ducks</h1><p>{LONG}</p><aside>Ad</aside><h2>Food</h2><p>{LONG}</p></main>"
        "<footer>Imprint</footer><script>var x = 'text'</script>"
    )
    document = read(page)
    assert texts(document) == ["Ducks", LONG.strip(), "Food", LONG.strip()]
    assert document.blocks[3].headings == ("Ducks", "Food")
    assert document.left_out == {"asides": 1, "characters around the main content": 19}


def test_html_without_main_leaves_menus_out_and_counts_them(read):
    page = html(
        "<div id='menu'>Menu</div><div class='cookie-banner'>OK?</div><div hidden>no</div>"
        f"<p>{LONG}<sup class='reference'>[3]</sup></p><p style='display: none'>no</p>"
        "<form><input value='x'><button>Go</button></form><footer>Imprint</footer>"
    )
    document = read(page)
    assert texts(document) == [LONG.strip()]
    assert document.left_out == {
        "advertisements and banners": 1, "form controls": 2, "hidden elements": 2, "navigation": 1,
        "page headers and footers": 1, "reference marks": 1,
    }  # fmt: skip


def test_html_blocks_lists_code_and_tables(read):
    page = html(
        "loose <b>text</b><ol start=3><li>three<ul><li>inner</ul>more<li><p>four</ol>"
        "<pre>a  b\n  c</pre><dl><dt>term<dd>meaning</dl>line<br>next"
        "<table><caption>Prices</caption><thead><tr><th>a<th>b</thead>"
        "<tr><td colspan=2>wide</tr><tr><td>1<td>2</table>"
    )
    assert outline(read(page)) == [
        ("paragraph", "loose text"),
        ("item", "3. three"),
        ("item", "- inner"),
        ("item", "more"),
        ("item", "4. four"),
        ("code", "a  b\n  c"),
        ("paragraph", "term"),
        ("paragraph", "meaning"),
        ("paragraph", "line\nnext"),
        ("paragraph", "Prices"),
        ("row", "| a | b |"),
        ("row", "| wide | |"),
        ("row", "| 1 | 2 |"),
    ]


def test_html_layout_tables_and_nested_tables_are_read_in_place(read):
    inner = "<table><tr><td>1<td>2<tr><td>3<td>4</table>"
    page = html(f"<table><tr><td>left<td>{inner}</table><table role=presentation><tr><td>a<td>b")
    assert texts(read(page)) == ["left", "| 1 | 2 |", "| 3 | 4 |", "a", "b"]


def test_html_lists_of_links_and_sources_are_junk(read):
    links = "".join(f"<li><a href=x>Page {n}</a>" for n in range(6))
    sources = "<ol class='references'><li>Smith 2001, p. 4.</ol>"
    document = read(html(f"<p>{LONG}</p><ul>{links}</ul>{sources}"))
    assert [b.junk for b in document.blocks] == [
        "", *["list of links"] * 6, "list of sources",
    ]  # fmt: skip


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "big5", "shift_jis", "utf-8", "euc-kr"])
def test_html_says_its_encoding(read, charset):
    text = "한국어" if charset == "euc-kr" else "中文"
    page = f"<html><head><meta charset='{charset}'></head><body><p>{text}</p>".encode(charset)
    assert read(page, "a.html").text == text


def test_markdown_structure(read):
    text = (
        "---\ntitle: x\n---\n# One\n\nText with\na break.\n\n## Two\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx  = 1\n\ny = 2\n```\n\n<details>"
        "<summary>More</summary>\n\n"
        "Hidden *text*.\n\n</details>\n\n1. first\n2. second\n   - inner\n\n![a picture](x.png)\n"
    )
    document = read(text.encode(), "a.md")
    assert outline(document) == [
        ("heading", "One"),
        ("paragraph", "Text with a break."),
        ("heading", "Two"),
        ("row", "| a | b |"),
        ("row", "| 1 | 2 |"),
        ("code", "x  = 1\n\ny = 2"),
        ("paragraph", "More"),
        ("paragraph", "Hidden text."),
        ("item", "1. first"),
        ("item", "2. second"),
        ("item", "- inner"),
    ]
    assert document.left_out == {"lines of front matter": 3, "pictures": 1}
    assert document.blocks[5].headings == ("One", "Two")


def test_plain_text_paragraphs_and_headings(read):
    text = (
        "TITLE OF IT\n\nOne line\nand the next.\n\nPart\n====\nText.\n\n2.1 Costs\n\nText. A.... 4"
    )
    document = read(text.encode(), "a.txt")
    assert outline(document) == [
        ("heading", "TITLE OF IT"),
        ("paragraph", "One line\nand the next."),
        ("heading", "Part"),
        ("paragraph", "Text."),
        ("heading", "2.1 Costs"),
        ("paragraph", "Text. A.... 4"),
    ]
    assert document.blocks[-1].junk == "table of contents"


def test_csv_rows_and_broken_rows(read):
    document = read(b"name;price\nlamp;12\nbroken\nchair;80\n", "a.csv")
    assert document.text == "| name | price |\n| lamp | 12 |\n| chair | 80 |"
    assert [b.is_header for b in document.blocks] == [True, False, False]
    assert document.left_out == {"broken rows": 1}


def test_a_csv_that_is_prose_is_read_as_text(read):
    document = read(b"Dear Anna,\nthank you for the letter\nand all the cake.", "a.csv")
    assert document.kind == "text"


def test_every_block_is_a_stretch_of_the_text():
    writer = Writer()
    writer.add("heading", " One \n line ", level=1)
    writer.add("paragraph", "\u200b\x00 ")
    writer.add("paragraph", "a\r\nb\u2028c\n\n\nd  e")
    writer.add("item", "x")
    writer.add("item", "y")
    assert writer.text == "One line\n\na\nb\nc\nd e\n\nx\ny"
    assert [writer.text[b.start : b.end] for b in writer.blocks] == [
        "One line", "a\nb\nc\nd e", "x", "y",
    ]  # fmt: skip
    assert clean("e\u0301  \ud800") == "é \ufffd"
