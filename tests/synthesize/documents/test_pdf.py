"""PDFs: the text layer in reading order; sentences are whole across lines, columns and pages."""

from __future__ import annotations

import io
import re
import unicodedata

from made_documents import make_pdf, outline, wrapped
from pypdf import PdfReader

WORD = re.compile(r"\w{4,}")

SENTENCES = [
    f"Sentence number {n} tells that the {thing} was moved on day {n} to the {place} store."
    for n, (thing, place) in enumerate(
        (thing, place)
        for thing in ("lamp", "well-known globe", "office chair", "ladder", "fire extinguisher")
        for place in ("northern", "southern", "largest", "newest")
    )
]


def found_fraction(text: str) -> float:
    squeezed = " ".join(text.split())
    return sum(sentence in squeezed for sentence in SENTENCES) / len(SENTENCES)


def test_planted_sentences_are_found_again(read):
    """At least 99 % in text PDFs: here over three pages, of which each breaks a sentence."""
    lines = [line[3] for line in wrapped(" ".join(SENTENCES), chars=70)]
    pages = [
        [(72, 100 + 14 * n, 10, line) for n, line in enumerate(lines[start : start + 8])]
        for start in range(0, len(lines), 8)
    ]
    document = read(make_pdf(pages))
    assert found_fraction(document.text) >= 0.99
    assert document.n_pages == len(pages) > 2
    assert len(document.blocks) == 1, "one paragraph, though pages part it"


def test_two_columns_are_read_one_after_the_other(read):
    lines = [line[3] for line in wrapped(" ".join(SENTENCES), chars=42)]
    half = (len(lines) + 1) // 2
    page = [(150, 60, 16, "*A title over both columns of the page")]
    for x, part in ((60, lines[:half]), (330, lines[half:])):
        page += [(x, 100 + 12 * n, 10, line) for n, line in enumerate(part)]
    document = read(make_pdf([page]))
    assert found_fraction(document.text) >= 0.99
    assert outline(document)[0] == ("heading", "A title over both columns of the page")


def test_words_that_a_line_parts_are_put_together(read):
    lines = ["The depart-", "ment, a well-known and well-", "known one, pays for the Anglo-",
             "Saxon books of 2020-", "2024, all of them."]  # fmt: skip
    page = [(72, 100 + 12 * n, 10, line) for n, line in enumerate(lines)]
    assert read(make_pdf([page])).text == (
        "The department, a well-known and well-known one, pays for the Anglo-Saxon books of "
        "2020-2024, all of them."
    )


def test_headings_are_told_by_size_and_weight(read):
    page = [
        (72, 80, 20, "The report"),
        *wrapped(SENTENCES[0] + " " + SENTENCES[1], top=120),
        (72, 170, 10, "*Costs"),
        *wrapped(SENTENCES[2], top=190),
        (72, 230, 10, "2.1 Heating"),
        *wrapped(SENTENCES[3], top=250),
    ]
    document = read(make_pdf([page]))
    heads = [(document.text_of(b), b.level) for b in document.blocks if b.kind == "heading"]
    assert [title for title, _ in heads] == ["The report", "Costs", "2.1 Heating"]
    assert heads[0][1] < heads[1][1]
    assert document.blocks[-1].headings[0] == "The report"


def test_running_heads_feet_and_page_numbers_are_left_out_and_counted(read):
    pages = [
        [
            (72, 30, 9, "Annual report 2024"),
            *wrapped(SENTENCES[n], top=120),
            (300, 760, 9, f"{n + 1}"),
        ]
        for n in range(4)
    ]
    document = read(make_pdf(pages))
    assert "Annual report" not in document.text
    assert document.left_out == {"running heads and feet": 8}
    single = read(make_pdf([[*wrapped(SENTENCES[0], top=120), (300, 760, 9, "- 7 -")]]))
    assert single.left_out == {"page numbers": 1}
    assert single.text == SENTENCES[0]


RULES = "0.5 w " + " ".join(
    [f"72 {y} m 372 {y} l S" for y in (692, 672, 652, 632)]
    + [f"{x} 692 m {x} 632 l S" for x in (72, 172, 272, 372)]
)
CELLS = [["Name", "Price", "Stock"], ["lamp", "12.50", "3"], ["chair", "80.00", "14"]]


def table_page(columns: tuple[int, ...] = (76, 176, 276)) -> list:
    texts = [(72, 60, 10, "Before the table stands a line of text that is long enough.")]
    for n, row in enumerate(CELLS):
        texts += [(x, 103 + 20 * n, 10, cell) for x, cell in zip(columns, row, strict=True)]
    return [*texts, (72, 200, 10, "And behind the table there is another line of text.")]


def test_tables_stand_in_place_with_their_cells_in_order(read):
    document = read(make_pdf([table_page()], drawn=RULES))
    assert [text for _, text in outline(document)] == [
        "Before the table stands a line of text that is long enough.",
        "| Name | Price | Stock |",
        "| lamp | 12.50 | 3 |",
        "| chair | 80.00 | 14 |",
        "And behind the table there is another line of text.",
    ]
    assert [b.is_header for b in document.blocks] == [False, True, False, False, False]


def test_a_table_without_rules_at_its_sides_keeps_its_outer_columns(read):
    rules = "0.5 w " + " ".join(
        [f"72 {y} m 372 {y} l S" for y in (692, 672, 652, 632)]
        + [f"{x} 692 m {x} 632 l S" for x in (172, 272)]
    )
    document = read(make_pdf([table_page()], drawn=rules))
    assert "| lamp | 12.50 | 3 |" in document.text
    assert "| Name | Price | Stock |" in document.text


def test_no_letter_of_a_table_is_lost(read):
    """Letters outside every cell: the table is read as lines then, and that is told."""
    rules = RULES.replace("172 692 m 172 632 l S", "172 692 m 172 672 l S")
    document = read(make_pdf([table_page()], drawn=rules))
    for row in CELLS:
        for cell in row:
            assert cell in document.text


def test_lists_and_notes(read):
    page = [
        *wrapped(SENTENCES[0] + " " + SENTENCES[1], top=100),
        (72, 160, 10, "1. the first thing to do"),
        (72, 172, 10, "2. the second thing to do"),
        *wrapped(SENTENCES[2] + " " + SENTENCES[3], top=200),
        (72, 600, 7, "1) A note in small letters at the foot of the page."),
    ]
    kinds = [kind for kind, _ in outline(read(make_pdf([page])))]
    assert kinds == ["paragraph", "item", "item", "paragraph", "footnote"]


def test_the_numbers_of_notes_do_not_stand_in_sentences(read):
    page = [(72, 100, 10, "The law"), (108, 98, 6, "3)"), (118, 100, 10, "was changed in May.")]
    document = read(make_pdf([page]))
    assert document.text == "The law was changed in May."
    assert document.left_out == {"marks of notes": 1}


def test_pypdf_reads_the_same_words(read, shared):
    """Every word that pypdf finds in the real PDFs is found here, but for running heads."""
    for name in ("multi_page.pdf", "en_paper_page_table.pdf"):
        data = (shared / "documents" / name).read_bytes()
        theirs = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
        theirs = unicodedata.normalize("NFKC", theirs.replace("-\n", ""))
        ours = set(WORD.findall(read(data, name).text))
        words = WORD.findall(theirs)
        assert len(words) > 200
        missing = [word for word in words if word not in ours]
        assert len(missing) <= 0.01 * len(words), missing  # it parts two words that are one
