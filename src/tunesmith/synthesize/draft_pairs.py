"""Draft pairs: answers that failed a check, beside accepted ones to the same question.

What a teacher got wrong by itself is a better worse answer than one that it was asked to make up,
and it costs no further call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tunesmith.core.examples import Conversation, Message, Preference
from tunesmith.synthesize.alike import answer_alike, ask_alike
from tunesmith.synthesize.dedupe import Dedupe
from tunesmith.synthesize.judge_drafts import ABOUT_QUOTES
from tunesmith.synthesize.kinds.qa import UNANSWERABLE
from tunesmith.synthesize.row import Row

UNSUPPORTED = "not verified: not all of the answer"


@dataclass(frozen=True, slots=True)
class DraftPair:
    """Two rows of one passage that ask the same; one of them was accepted."""

    chosen: Row
    rejected: Row

    @property
    def id(self) -> str:
        """Of both rows."""
        return f"{self.chosen.id}-{self.rejected.id}"

    def example(self, chosen: Conversation) -> Preference:
        """The pair as it is learnt.

        Args:
            chosen: the example of the accepted row; a passage that it shows is shown here too.
        """
        *asked, answer = chosen.messages
        failed = Message("assistant", self.rejected.draft.turns[0].answer)
        return Preference(tuple(asked), (answer,), (failed,), chosen.origin, group=chosen.group)


def with_pairs(rows: Iterable[Row]) -> Iterator[Row | DraftPair]:
    """All rows in order, and behind those of each passage the pairs they make."""
    for _, together in groupby(rows, lambda r: (r.provenance.document, r.provenance.chunk)):
        of_passage: list[Row] = []
        for row in together:
            yield row
            if row.draft.kind == "qa" and len(row.draft.turns) == 1:
                of_passage.append(row)
        yield from pairs_of(of_passage)


def pairs_of(rows: Sequence[Row]) -> Iterator[DraftPair]:
    """Pairs of the ``qa`` rows of one passage: each failed answer with the first that fits."""
    accepted = [row for row in rows if row.fate == "accepted"]
    for row in rows:
        if not has_failed_answer(row):
            continue
        (turn,) = row.draft.turns
        for other in accepted:
            (asked,) = other.draft.turns
            if not ask_alike(turn.request, asked.request):
                continue
            if not answer_alike(asked.request, turn.answer, asked.answer):
                yield DraftPair(other, row)
                break


def has_failed_answer(row: Row) -> bool:
    """Whether a row was rejected because its passage does not bear its answer out.

    A quote that was not found says nothing about the answer, and an answer that is badly written
    would teach to tell the two apart by that.
    """
    found = row.provenance.verdicts
    if row.fate != "rejected" or row.draft.style == UNANSWERABLE or found.get("lint"):
        return False
    if row.reason.startswith("not grounded"):
        return any(reason not in ABOUT_QUOTES for reason in found.get("ground") or ())
    return row.reason.startswith(UNSUPPORTED)


def repeated_pairs(rows: Iterable[Row | DraftPair]) -> set[str]:
    """Pairs that repeat another preference, or give one away that is held out; by their ids."""
    seen, ids = Dedupe(), set[str]()
    for one in rows:
        if isinstance(one, DraftPair):
            ids.add(one.id)
            row, id = one.chosen, one.id
            worse = one.rejected.draft.turns[0].answer
        elif one.fate == "accepted" and one.draft.rejected and one.draft.turns:
            row, id, worse = one, one.id, one.draft.rejected
        else:
            continue
        (turn,) = row.draft.turns
        seen.add(id, turn.request, f"{turn.answer}\n{worse}", row.split)
    return ids & seen.drops().keys()
