"""Judge drafts: what can be said of them without asking anybody.

A quote has to stand in the passage, the numbers and names of an answer have to occur there, and
what was written has to be a question and an answer that stand on their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tunesmith.checks.languages import UNKNOWN
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.ground import locate, unsupported
from tunesmith.synthesize.injection import instructions_in
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.lint import lint
from tunesmith.synthesize.passage import Passage

INSTRUCTIONS = "the passage holds what looks like an instruction to a model"


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft and what is wrong with it."""

    draft: Draft
    spans: tuple[tuple[int, int], ...]
    """Its quotes, as offsets in the document's text."""
    ungrounded: tuple[str, ...]
    """What of it the passage does not hold."""
    lint: tuple[str, ...]
    """What is wrong with how it is written."""

    @property
    def reason(self) -> str:
        """Why it is rejected; empty where it is not."""
        for step, found in (("not grounded", self.ungrounded), ("lint", self.lint)):
            if found:
                return f"{step}: {found[0]}"
        return ""


def judge_draft(draft: Draft, passage: Passage, kind: Kind, languages: Sequence[str]) -> Judged:
    """Looks for the quotes, then at the claims, then at the wording.

    Args:
        draft: as the teacher wrote it.
        passage: that it was shown.
        kind: that it is of.
        languages: one of them it is to be written in.
    """
    spans: list[tuple[int, int]] = []
    ungrounded: list[str] = []
    for quote in draft.quotes:
        found = locate(quote, passage.text)
        if found is None:
            ungrounded.append("the quote does not stand in the passage")
        else:
            spans.append((passage.start + found[0], passage.start + found[1]))
    if kind.needs_quote(draft) and not draft.quotes:
        ungrounded.append("there is no quote")
    for claim in kind.claims(draft):
        ungrounded += unsupported(claim, passage.sources)
    linted = min((_linted(draft, language) for language in languages), key=len)
    return Judged(draft, tuple(spans), tuple(ungrounded), linted)


def _linted(draft: Draft, language: str) -> tuple[str, ...]:
    known = None if language == UNKNOWN else language
    style = draft.style if draft.kind == "qa" else draft.kind
    return tuple(
        reason
        for turn in draft.turns
        for reason in lint(turn.request, turn.answer, language=known, style=style)
    )


@lru_cache(maxsize=16)
def flags_of(passage: Passage) -> tuple[str, ...]:
    """What a reader should know of every row that is made of a passage."""
    return (INSTRUCTIONS,) if instructions_in(passage.text) else ()
