"""Judge drafts: what can be said of them without asking anybody.

A quote has to stand in the passage, the numbers and names of an answer have to occur there, and
what was written has to be a question and an answer that stand on their own. The worse answer of a
pair must be fit to be shown, and must not say what the better one says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tunesmith.checks.languages import UNKNOWN
from tunesmith.synthesize.alike import answer_alike
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.ground import locate, unsupported
from tunesmith.synthesize.injection import instructions_in
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.lint import lint
from tunesmith.synthesize.passage import Passage

INSTRUCTIONS = "the passage holds what looks like an instruction to a model"
QUOTE_MISSED = "the quote does not stand in the passage"
NO_QUOTE = "there is no quote"
ABOUT_QUOTES = frozenset({QUOTE_MISSED, NO_QUOTE})
"""What is found of a draft and says nothing about its answer."""
OF_WORSE = frozenset({"refusal", "placeholder", "link", "personal-data", "answer-language"})
"""Codes of lint that a worse answer is held to as well; it may be cut or unfit otherwise."""
AS_GOOD = "the worse answer says the same as the better one"


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
            ungrounded.append(QUOTE_MISSED)
        else:
            spans.append((passage.start + found[0], passage.start + found[1]))
    if kind.needs_quote(draft) and not draft.quotes:
        ungrounded.append(NO_QUOTE)
    for claim in kind.claims(draft):
        ungrounded += unsupported(claim, passage.sources)
    linted = min((_linted(draft, language) for language in languages), key=len)
    if draft.rejected and _is_as_good(draft, passage):
        linted = (*linted, AS_GOOD)
    return Judged(draft, tuple(spans), tuple(ungrounded), linted)


def _is_as_good(draft: Draft, passage: Passage) -> bool:
    """Whether a worse answer says the same as the better one, and nothing that is invented."""
    if unsupported(draft.rejected, passage.sources):
        return False
    return any(answer_alike(turn.request, draft.rejected, turn.answer) for turn in draft.turns)


def _linted(draft: Draft, language: str) -> tuple[str, ...]:
    known = None if language == UNKNOWN else language
    style = draft.style if draft.kind == "qa" else draft.kind
    found = [
        reason
        for turn in draft.turns
        for reason in lint(turn.request, turn.answer, language=known, style=style)
    ]
    if draft.rejected:
        for turn in draft.turns:
            found += _worse(Turn(turn.request, draft.rejected), known, style, found)
    return tuple(found)


def _worse(turn: Turn, language: str | None, style: str, of_better: Sequence[str]) -> list[str]:
    """What is wrong with a worse answer, beside what was found of the better one."""
    return [
        f"worse answer: {reason}"
        for reason in lint(turn.request, turn.answer, language=language, style=style)
        if reason.partition(":")[0] in OF_WORSE and reason not in of_better
    ]


@lru_cache(maxsize=16)
def flags_of(passage: Passage) -> tuple[str, ...]:
    """What a reader should know of every row that is made of a passage."""
    return (INSTRUCTIONS,) if instructions_in(passage.text) else ()
