"""Catalog: what was read comes back, sides stay, and junk is no passage."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from tunesmith.core.errors import DataError, RunError
from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.catalog import Catalog, paragraph_of
from tunesmith.synthesize.chunks import chunks
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.writer import Writer
from tunesmith.synthesize.split import SplitPlan

ENGLISH = "The valve of the boiler is tested in the first week of May by two people."
CHINESE = "锅炉的阀门每年五月的第一周由两个人检查一次，结果写在值班日志里。"


def document(name: str, *paragraphs: str) -> ParsedDocument:
    writer = Writer()
    for text in paragraphs:
        writer.add("paragraph", text)
    sha256 = hashlib.sha256(writer.text.encode("utf-8", "surrogatepass")).hexdigest()
    return ParsedDocument(name, "text", sha256, writer.text, tuple(writer.blocks))


@pytest.fixture
def catalog(tmp_path):
    with Catalog(tmp_path / "documents.sqlite") as opened:
        yield opened


def read(catalog, *documents, evaluation=()):
    with catalog.reading():
        for place, one in enumerate(documents):
            catalog.add(one, chunks(one), reading="v", place=place)
        catalog.put_on_sides(SplitPlan(frozenset(evaluation)))


def test_documents_and_passages_come_back_as_they_were(catalog):
    english, chinese = document("a", ENGLISH, "x"), document("b", CHINESE, "lone \ud800 half")
    read(catalog, english, chinese, evaluation=[chinese.sha256])
    assert list(catalog.documents()) == [english, chinese]
    first, second = catalog.passages()
    assert (first.text, first.language, first.split) == (english.text, "en", "train")
    assert (second.language, second.split, second.name) == ("zh", "eval", "b")
    assert catalog.passage(chinese.sha256, 0) == second
    assert catalog.chunks(english.sha256) == chunks(english)
    assert paragraph_of(english, len(ENGLISH) + 2) == (2, english.blocks[1])


def test_what_is_gone_is_no_passage_but_can_be_traced(catalog):
    gone, stays = document("a", ENGLISH), document("b", CHINESE)
    read(catalog, gone, stays)
    read(catalog, stays)
    assert [p.name for p in catalog.passages()] == ["b"]
    assert catalog.text(gone.sha256) == ENGLISH
    with pytest.raises(DataError, match="holds no document"):
        catalog.text("0" * 64)


def test_a_document_that_replaces_another_takes_its_side(catalog):
    old, new = document("a", ENGLISH), document("a", ENGLISH + " Also in June.")
    read(catalog, old, evaluation=[old.sha256])
    with catalog.reading():
        catalog.add(new, chunks(new), reading="v", place=0)
    assert catalog.sides() == {old.sha256: "eval", new.sha256: "eval"}


def test_a_reading_that_breaks_off_changes_nothing(catalog):
    read(catalog, document("a", ENGLISH))
    with pytest.raises(KeyboardInterrupt), catalog.reading():
        catalog.add(document("b", CHINESE), [], reading="v", place=0)
        raise KeyboardInterrupt
    assert [d.name for d in catalog.documents()] == ["a"]


def test_junk_and_what_both_sides_share_make_no_passage(catalog):
    short, shared = document("a", "12"), document("b", ENGLISH)
    with catalog.reading():
        catalog.add(short, chunks(short), reading="v", place=0)
        catalog.add(shared, chunks(shared), reading="v", place=1)
        plan = SplitPlan(frozenset([shared.sha256]), {shared.sha256: frozenset([0])})
        catalog.put_on_sides(plan)
    assert not list(catalog.passages())


def test_what_was_taken_in_survives_and_is_there_once_a_reading_found_it(tmp_path):
    one, other = document("a", ENGLISH), document("b", CHINESE)
    with Catalog(tmp_path / "documents.sqlite") as catalog:
        read(catalog, one)
        catalog.take_in(other, chunks(other), reading="v")
    with Catalog(tmp_path / "documents.sqlite") as catalog:
        assert catalog.known(other.sha256, "v") and [*catalog.documents()] == [one]
        with pytest.raises(DataError, match="holds no document"):
            catalog.document(other.sha256)
        third = document("d", ENGLISH, CHINESE)
        catalog.take_in(third, chunks(third), reading="v")
        with catalog.reading():
            catalog.found(other.sha256, "v", name="c", place=0, file=tmp_path / "c\udcff")
        assert [d.name for d in catalog.documents()] == ["c"]
        assert catalog.file(other.sha256) == tmp_path / "c\udcff"
        assert not catalog.known(third.sha256, "v"), "read, and gone before it was found"
        assert catalog.file(one.sha256) is None and catalog.text(one.sha256) == ENGLISH


def test_a_document_that_is_read_otherwise_is_as_it_was_until_the_reading_ends(catalog):
    one = document("a", ENGLISH, CHINESE)
    read(catalog, one, evaluation=[one.sha256])
    catalog.take_in(one, chunks(one, Budget(60)), reading="w")
    assert catalog.chunks(one.sha256) == chunks(one) and len(chunks(one)) == 1
    with catalog.reading():
        catalog.found(one.sha256, "w", name="a", place=0)
    assert catalog.chunks(one.sha256) == chunks(one, Budget(60))
    assert catalog.sides() == {one.sha256: "eval"} and not catalog.known(one.sha256, "v")


def test_the_text_of_a_document_is_loaded_once_for_all_its_passages(catalog):
    long = document("a", *(f"{n}. {ENGLISH}" * 20 for n in range(50)))
    read(catalog, long)
    read_texts: list[str] = []
    catalog._base._base.set_trace_callback(
        lambda statement: read_texts.append(statement) if "parsed" in statement else None
    )
    for number in range(len(chunks(long))):
        catalog.passage(long.sha256, number)
        catalog.text(long.sha256)
    assert len(read_texts) == 1 and number > 20


def test_the_paragraph_of_every_place_is_the_first_that_ends_behind_it():
    text = document("a", ENGLISH, "x", CHINESE)
    for start in range(len(text.text) + 2):
        expected = next(
            ((n, block) for n, block in enumerate(text.blocks, 1) if start < block.end), None
        )
        assert paragraph_of(text, start) == expected


def test_a_catalog_that_is_damaged_or_old_is_named(tmp_path):
    path = tmp_path / "documents.sqlite"
    with Catalog(path) as catalog:
        read(catalog, *(document(f"{n}", f"{n} {ENGLISH} " * 50) for n in range(30)))
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 * 4096] + b"\xee" * (len(whole) - 3 * 4096))
    with Catalog(path) as catalog, pytest.raises(RunError, match="the catalog is damaged"):
        [*catalog.passages()]
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as base:
        base.execute("PRAGMA user_version=1")
    with pytest.raises(RunError, match="made by an older version"):
        Catalog(tmp_path / "old.sqlite")


def test_a_file_that_is_no_catalog_is_named(tmp_path):
    (tmp_path / "documents.sqlite").write_text("no database at all, only some words")
    with pytest.raises(RunError, match="documents.sqlite: the catalog cannot be opened"):
        Catalog(tmp_path / "documents.sqlite")
