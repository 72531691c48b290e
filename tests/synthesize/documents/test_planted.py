"""A planted sentence is found again, wherever it was planted, in whatever letters."""

from __future__ import annotations

import html

from hypothesis import given, settings
from hypothesis import strategies as st
from made_documents import make_docx, outline, paragraph

from tunesmith.synthesize.chunks import chunks
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.parse import parse
from tunesmith.synthesize.documents.writer import clean

LETTERS = "abcdefgHIJKLMñçßéàøабвгД灯在仓库五月가나다라عربيहिन्दी0123456789,;()%€-"
WORD = st.text(st.sampled_from(LETTERS), min_size=1, max_size=9)
SENTENCE = st.lists(WORD, min_size=3, max_size=12).map(lambda w: f"Das {' '.join(w)} end.")
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=8, unique=True)


def row(*cells: str) -> str:
    inside = "".join(f"<w:tc>{cell}</w:tc>" for cell in cells)
    return f"<w:tbl><w:tr>{inside}</w:tr></w:tbl>"


def as_docx(sentences: list[str], draw: st.DrawFn) -> bytes:
    """Each in a paragraph, in a cell, in a note or parted over runs and a tracked insertion."""
    body, notes = [], []
    for n, sentence in enumerate(sentences):
        text = html.escape(sentence)
        where = draw(st.sampled_from(["paragraph", "cell", "nested", "note", "runs"]))
        cell = row(paragraph("x"), paragraph(text))
        if where == "paragraph":
            body.append(paragraph(text))
        elif where == "cell":
            body.append(cell)
        elif where == "nested":
            body.append(row(cell, paragraph("y")))
        elif where == "note":
            body.append(f"<w:p><w:r><w:footnoteReference w:id='{n}'/></w:r></w:p>")
            notes.append(f"<w:footnote w:id='{n}'>{paragraph(text)}</w:footnote>")
        else:
            cut = draw(st.integers(1, len(sentence) - 1))
            halves = [html.escape(half) for half in (sentence[:cut], sentence[cut:])]
            runs = [f"<w:r><w:t xml:space='preserve'>{half}</w:t></w:r>" for half in halves]
            body.append(f"<w:p>{runs[0]}<w:ins>{runs[1]}</w:ins></w:p>")
    return make_docx("".join(body), footnotes="".join(notes))


@settings(max_examples=60, deadline=None)
@given(st.data(), SENTENCES, st.sampled_from(["docx", "html", "md", "txt", "csv"]))
def test_every_planted_sentence_is_found_in_one_block(data, sentences, kind):
    if kind == "docx":
        content = as_docx(sentences, data.draw)
    elif kind == "html":
        tags = [
            data.draw(st.sampled_from(["p", "li", "h2", "td", "div", "pre"])) for _ in sentences
        ]
        parts = [f"<{t}>{html.escape(s)}</{t}>" for t, s in zip(tags, sentences, strict=True)]
        parts = [f"<table><tr>{p}</tr></table>" if "<td" in p else p for p in parts]
        content = f"<!doctype html><body>{''.join(parts)}".encode()
    elif kind == "csv":
        content = "\n".join(["id,text", *(f'{n},"{s}"' for n, s in enumerate(sentences))]).encode()
    else:
        content = "\n\n".join(["Ein Absatz davor.", *sentences]).encode()
    document = parse(f"it.{kind}", content, Limits())
    texts = [text for _, text in outline(document)]
    for sentence in sentences:
        assert any(clean(sentence) in text for text in texts), (kind, texts)
    assert "".join(chunk.text_in(document) for chunk in chunks(document)) == document.text
