"""Chunks: together they are the whole text, none is over the budget, and they part at sense."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.synthesize.budget import Budget, in_tokens
from tunesmith.synthesize.chunks import Chunk, chunks
from tunesmith.synthesize.documents.block import Block, ParsedDocument
from tunesmith.synthesize.documents.writer import Writer

SENTENCE = "The lamp in the hall was moved to the northern store on the third day of May. "

WILD = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(list(".!?。！？ \n\r\té\u0301\u200d👩👧🏽🇩🇪\u0e33")),
    ),
    max_size=120,
)


def document_of(writer: Writer, text: str | None = None) -> ParsedDocument:
    return ParsedDocument(
        "it", "text", "0" * 64, writer.text if text is None else text, tuple(writer.blocks)
    )


def written(*blocks: tuple) -> ParsedDocument:
    """A document of (kind, text) or (kind, text, level or table)."""
    writer = Writer()
    for kind, text, *more in blocks:
        if kind == "row":
            first = not any(b.table == more[0] for b in writer.blocks)
            writer.add("row", text, table=more[0], is_header=first)
        elif kind == "junk":
            writer.add("paragraph", text, junk="table of contents")
        else:
            writer.add(kind, text, level=more[0] if more else 0)
    return document_of(writer)


def texts(document: ParsedDocument, found: list[Chunk]) -> list[str]:
    return [chunk.text_in(document) for chunk in found]


def check(document: ParsedDocument, budget: Budget) -> list[Chunk]:
    """The laws of chunks."""
    found = chunks(document, budget)
    assert "".join(texts(document, found)) == document.text
    assert [chunk.start for chunk in found[1:]] == [chunk.end for chunk in found[:-1]]
    for text in texts(document, found):
        assert 0 < budget.count(text) <= budget.limit
    assert found == chunks(document, budget)
    return found


@st.composite
def documents(draw) -> ParsedDocument:
    """Any text with any blocks in it, in order, also such as no reader makes."""
    text = draw(st.lists(WILD, max_size=12).map("".join))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=16)))
    blocks: list[Block] = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        kind = draw(st.sampled_from(["heading", "paragraph", "item", "row", "footnote", "code"]))
        blocks.append(
            Block(
                kind,
                start,
                end,
                tuple(draw(st.lists(st.sampled_from("ABC"), max_size=3))),
                level=draw(st.integers(0, 3)),
                table=draw(st.integers(0, 2)) if kind == "row" else None,
                is_header=kind == "row" and draw(st.booleans()),
                junk=draw(st.sampled_from(["", "", "list of links"])),
            )
        )
    return ParsedDocument("it", "text", "0" * 64, text, tuple(blocks))


@given(documents(), st.integers(1, 200))
def test_chunks_rebuild_the_text_and_none_is_over_the_budget(document, limit):
    for chunk in check(document, Budget(limit)):
        inside = {document.blocks[number].junk for number in chunk.blocks}
        assert len(inside) <= 1, "a chunk is junk as a whole or not at all"


def count(text: str) -> int:
    """A tokenizer of bytes by threes that knows some words, so that a prefix may cost more."""
    for word in ("the", "lamp", "store", "。"):
        text = text.replace(word, "\x00")
    return (len(text.encode("utf-8", "surrogatepass")) + 2) // 3


@given(documents(), st.integers(32, 80))
def test_the_same_with_tokens(document, limit):
    check(document, in_tokens(limit, count))


def test_with_the_tokenizer_of_a_model(shared):
    from tunesmith.pipelines.read_documents import tokens_budget

    budget = tokens_budget(str(shared / "models/stories260K-hf"), 64)
    text = (SENTENCE * 30) + "第二章。" * 40 + "🙂" * 50
    writer = Writer()
    writer.add("paragraph", text)
    found = check(document_of(writer), budget)
    assert len(found) > 10


@pytest.mark.parametrize("limit", [0, -5])
def test_a_budget_that_holds_no_character_is_refused(limit):
    with pytest.raises(DataError, match="too small"):
        Budget(limit)
    with pytest.raises(DataError, match="Take 32 or more"):
        in_tokens(10, len)


def test_two_thousand_characters_are_the_default():
    document = written(*[("paragraph", SENTENCE * 3)] * 40)
    found = chunks(document)
    assert 1500 < max(chunk.end - chunk.start for chunk in found) <= 2000


def test_sections_stay_whole_where_they_fit():
    document = written(
        ("heading", "One", 1), ("paragraph", SENTENCE * 6), ("heading", "Two", 1),
        ("paragraph", SENTENCE * 6),
    )  # fmt: skip
    first, second = texts(document, check(document, Budget(700)))
    assert first.startswith("One") and second.startswith("Two")
    assert len(check(document, Budget(2000))) == 1


def test_a_chunk_knows_the_headings_that_all_of_it_stands_under():
    document = written(
        ("heading", "Book", 1), ("heading", "One", 2), ("paragraph", SENTENCE * 12),
        ("heading", "Two", 2), ("paragraph", SENTENCE * 3),
    )  # fmt: skip
    found = check(document, Budget(600))
    assert [chunk.headings for chunk in found] == [(), ("Book", "One"), ("Book",)]


def test_a_heading_stays_with_what_follows():
    document = written(
        ("paragraph", SENTENCE * 3), ("heading", "A heading of some length", 1),
        ("paragraph", SENTENCE * 9),
    )  # fmt: skip
    for limit in range(120, 900, 13):
        for text in texts(document, check(document, Budget(limit))):
            assert not text.strip().endswith("A heading of some length"), limit


def test_long_paragraphs_part_between_sentences():
    document = written(("paragraph", (SENTENCE * 30).strip()))
    for text in texts(document, check(document, Budget(500))):
        assert text.startswith("The lamp") and text.strip().endswith("May.")


def test_chinese_parts_between_sentences_without_spaces():
    document = written(("paragraph", "大厅里的灯在五月三日被移到了北边的仓库。" * 60))
    for text in texts(document, check(document, Budget(200))):
        assert text.startswith("大厅") and text.endswith("。")


def test_a_table_stays_whole_or_repeats_its_head_as_context():
    rows = [("row", f"| lamp {n} | {n} euros |", 0) for n in range(40)]
    document = written(("paragraph", SENTENCE), ("row", "| thing | price |", 0), *rows)
    whole = check(document, Budget(1000))
    assert [chunk.context for chunk in whole] == ["", ""] or len(whole) == 1
    parts = check(document, Budget(300))
    assert len(parts) > 3
    assert parts[0].context == ""
    for chunk, text in zip(parts[1:], texts(document, parts[1:]), strict=True):
        assert chunk.context == ("" if text.startswith("| thing") else "| thing | price |")
        assert text.startswith("| ") and text.strip().endswith("|"), "rows are whole"


def test_two_tables_do_not_lend_each_other_their_heads():
    document = written(
        ("row", "| a | b |", 0), ("row", "| 1 | 2 |", 0), ("row", "| c | d |", 1),
        *[("row", f"| {n} | {SENTENCE} |", 1) for n in range(8)],
    )  # fmt: skip
    assert {chunk.context for chunk in check(document, Budget(300))} == {"", "| c | d |"}


def test_junk_is_kept_apart_and_named():
    document = written(
        ("junk", "One ... 3\nTwo ... 4"), ("paragraph", SENTENCE), ("paragraph", "* * *"),
    )  # fmt: skip
    found = check(document, Budget(2000))
    assert [chunk.junk for chunk in found] == ["table of contents", ""]
    (little,) = check(written(("paragraph", "* * * 12")), Budget(2000))
    assert little.junk == "hardly any text"
    (chinese,) = check(written(("paragraph", "大厅里的灯被移到了北边。")), Budget(2000))
    assert chinese.junk == ""


def test_pages_and_blocks_are_told():
    writer = Writer()
    for page in (1, 2, 2):
        writer.add("paragraph", SENTENCE * 4, page=page)
    found = chunks(document_of(writer), Budget(400))
    assert [(chunk.page, chunk.blocks) for chunk in found] == [(1, (0,)), (2, (1,)), (2, (2,))]


@pytest.mark.parametrize(
    "text",
    ["." * 200_000, ".\" " * 50_000 + "x", "1. " * 60_000, "?!" * 100_000 + "a", "a\u0301" * 50_000,
     "\n " * 60_000 + "x", "\u0301" * 60_000, "🇩" * 30_000, "a.b" * 50_000],
)  # fmt: skip
def test_no_text_takes_for_ever(text):
    started = time.perf_counter()
    check(
        ParsedDocument("it", "text", "0" * 64, text, (Block("paragraph", 0, len(text)),)), Budget()
    )
    assert time.perf_counter() - started < 10


def test_a_table_of_many_rows_is_parted_quickly():
    rows = [("row", f"| {n} | {SENTENCE} |", 0) for n in range(20_000)]
    started = time.perf_counter()
    found = chunks(written(("row", "| n | text |", 0), *rows[:500]))
    writer = Writer()
    for kind, text, table in rows:
        writer.add(kind, text, table=table)
    assert len(chunks(document_of(writer))) > 30 * len(found)
    assert time.perf_counter() - started < 10


def test_no_text_no_chunk():
    assert chunks(ParsedDocument("it", "text", "0" * 64, "", ())) == []
