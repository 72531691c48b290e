"""Row: a draft with the place it comes from and what became of it, as ``rows.jsonl`` keeps it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tunesmith.synthesize.draft import Draft, Turn

Fate = Literal["accepted", "rejected", "failed"]
"""``failed``: it could not be judged, because a call failed or was not made yet."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row comes from, down to the sentence and the call."""

    document: str
    """SHA-256 of the file."""
    name: str
    """Of the file."""
    chunk: int
    """Number of the passage in its document."""
    start: int
    """Where the evidence begins in the document's text, in Unicode code points; without evidence:
    where the passage begins."""
    end: int
    page: int | None = None
    paragraph: int | None = None
    """Number of the block that the evidence begins in, from 1."""
    spans: tuple[tuple[int, int], ...] = ()
    """Every quote, as offsets in the document's text."""
    prompt: str = ""
    """Name, language and hash of the prompt."""
    model: str = ""
    """What the teacher calls itself."""
    request: str = ""
    """Key of the request in the store."""
    n_prompt_tokens: int = 0
    """Of the call, which may have made several rows."""
    n_tokens: int = 0
    verdicts: dict[str, Any] = field(default_factory=dict[str, Any])
    """By whom it was judged -> what was found; nothing: no fault."""
    flags: tuple[str, ...] = ()
    """What a reader should know of an accepted row too."""
    review: str = ""
    """What a person decided: ``accepted``, ``edited`` or ``rejected``."""
    original: str = ""
    """Of an edited row: what stood there before, as JSON."""
    closed_book: str = ""
    """Whether the model that is to be tuned answers it without the passage: ``known`` or
    ``missed``; empty: it was not asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One draft, and its fate."""

    id: str
    fate: Fate
    reason: str
    split: Literal["train", "eval"]
    language: str
    draft: Draft
    provenance: Provenance

    def as_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON; those of the draft stand among the others."""
        fields = asdict(self)
        return {**fields, **fields.pop("draft"), "provenance": fields.pop("provenance")}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Row:
        """The opposite of :meth:`as_dict`."""
        draft = Draft(
            kind=fields["kind"],
            turns=tuple(Turn(**turn) for turn in fields["turns"]),
            quotes=tuple(fields["quotes"]),
            style=fields["style"],
            label=fields["label"],
            rejected=fields["rejected"],
        )
        told = dict(fields["provenance"])
        told["spans"] = tuple((start, end) for start, end in told["spans"])
        told["flags"] = tuple(told["flags"])
        own = {key: fields[key] for key in ("id", "fate", "reason", "split", "language")}
        return cls(draft=draft, provenance=Provenance(**told), **own)


def row_id(request: str, number: int) -> str:
    """Sixteen hexadecimal digits for the n-th row of a request, or of a passage without one."""
    return hashlib.sha256(f"{request}:{number}".encode()).hexdigest()[:16]
