"""Source: the passage behind a row, its evidence marked, with as much around it as is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tunesmith.core.errors import TunesmithError
from tunesmith.synthesize.passage import Passage

AROUND = 1500
"""Characters that each step of more context adds on either side."""

Span = tuple[int, int]


class Documents(Protocol):
    """What is asked of a dataset's documents."""

    def text(self, sha256: str) -> str:
        """The whole text of a document."""
        ...

    def passage(self, sha256: str, number: int) -> Passage:
        """One passage of it."""
        ...


def source_of(row: Mapping[str, Any], documents: Documents, n_steps: int = 0) -> dict[str, Any]:
    """What a page shows of a row's source.

    Args:
        row: with its provenance; its spans are offsets in the document's text.
        documents: where its text is.
        n_steps: how often more context was asked for.

    Returns:
        ``pieces``: texts in order, each with ``inside`` (of the passage) and ``mark`` (evidence);
        pieces, because a browser counts characters beyond the basic plane twice. ``more`` says
        whether there is more around them. A source that is not there has a ``missing`` with the
        reason.
    """
    try:
        passage = passage_of(row, documents)
        text = documents.text(passage.document)
    except TunesmithError as error:
        return {"missing": str(error), "pieces": [], "headings": [], "more": False}
    marks = spans_of(row, passage, len(text))
    low = min([passage.start, *(start for start, _ in marks)])
    high = max([passage.end, *(end for _, end in marks)])
    low, high = max(0, low - AROUND * n_steps), min(len(text), high + AROUND * n_steps)
    return {
        "name": passage.name,
        "page": passage.page,
        "language": passage.language,
        "headings": list(passage.headings),
        "context": passage.context,
        "pieces": pieces(text, (low, high), (passage.start, passage.end), marks),
        "located": bool(marks) or not row.get("quotes"),
        "more": low > 0 or high < len(text),
    }


def passage_of(row: Mapping[str, Any], documents: Documents) -> Passage:
    """The passage that a row was made of.

    Raises:
        TunesmithError: it is not there.
    """
    place = row.get("provenance") or {}
    return documents.passage(str(place.get("document")), int(place.get("chunk") or 0))


def spans_of(row: Mapping[str, Any], passage: Passage, n_characters: int) -> list[Span]:
    """Where the evidence stands in the document: by the row's spans, else by its quotes."""
    given = (row.get("provenance") or {}).get("spans") or ()
    spans = [(int(start), int(end)) for start, end in given]
    if not spans:
        found = ((passage.text.find(quote), len(quote)) for quote in row.get("quotes") or ())
        spans = [(passage.start + at, passage.start + at + n) for at, n in found if at >= 0 < n]
    return [(start, end) for start, end in spans if 0 <= start < end <= n_characters]


def pieces(text: str, shown: Span, inside: Span, marks: Sequence[Span]) -> list[dict[str, Any]]:
    """A stretch of a text, cut wherever the passage or a mark begins or ends."""
    edges = {edge for span in (shown, inside, *marks) for edge in span}
    cuts = sorted(edge for edge in edges if shown[0] <= edge <= shown[1])
    return [
        {
            "text": text[start:end],
            "inside": inside[0] <= start and end <= inside[1],
            "mark": any(low <= start and end <= high for low, high in marks),
        }
        for start, end in zip(cuts, cuts[1:], strict=False)
    ]
