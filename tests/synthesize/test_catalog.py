"""Catalog: what was read comes back, sides stay, and junk is no passage."""

from __future__ import annotations

import hashlib

import pytest

from tunesmith.core.errors import DataError, RunError
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


def test_a_file_that_is_no_catalog_is_named(tmp_path):
    (tmp_path / "documents.sqlite").write_text("no database at all, only some words")
    with pytest.raises(RunError, match="documents.sqlite: the catalog cannot be opened"):
        Catalog(tmp_path / "documents.sqlite")
