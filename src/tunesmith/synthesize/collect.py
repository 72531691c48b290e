"""Collect: what the teacher answered to a plan -> drafts that are judged, and rows with their fate.

Everything here is a function of the documents and of the store, so a run that was killed and went
on gives the same rows in the same order as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tunesmith.chat.request import Request
from tunesmith.checks.languages import UNKNOWN, language_of
from tunesmith.synthesize.catalog import Catalog, paragraph_of
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.judge_drafts import Judged, flags_of, judge_draft
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.plan import Plan, Planned
from tunesmith.synthesize.row import Fate, Provenance, Row, row_id
from tunesmith.synthesize.row_ledger import RowLedger
from tunesmith.synthesize.store import RequestStore, Result
from tunesmith.synthesize.verify import PURPOSE, Verdict, fails, verdicts_of

OPEN = ("pending", "leased", "stale")
NOT_ASKED, CALL_FAILED = "not asked yet", "the call failed"
NO_USE, FEWER = "the reply cannot be used", "not written: the teacher found fewer"
VerifyRequest = Callable[[Planned, Sequence[Draft]], Request]


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one draft, and the verdict on it if there is one."""

    verdict: Verdict | None = None
    fate: Fate = "accepted"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a teacher wrote for one planned call."""

    planned: Planned
    result: Result | None
    """None for a kind that asks nobody."""
    judged: tuple[Judged | str, ...] = ()
    """Each item, judged; or why it is none."""
    items: tuple[Any, ...] = ()
    """The same as the teacher wrote them."""
    n_missing: int = 0
    """Rows that were planned and not written."""
    missing_fate: Literal["rejected", "failed"] = "failed"
    why_missing: str = ""
    n_surplus: int = 0
    """Items beyond what was planned."""

    @property
    def survivors(self) -> tuple[Draft, ...]:
        """Drafts in which nothing was found so far."""
        return tuple(j.draft for j in self.judged if isinstance(j, Judged) and not j.reason)


def written(plan: Plan, store: RequestStore | None) -> Iterator[Written]:
    """What was written for every planned call, in order."""
    for planned in plan:
        if planned.request is None:
            draft = planned.kind.draft({}, planned.passage)
            whole = (planned.passage.start, planned.passage.end)
            yield Written(planned, None, (Judged(draft, (whole,), (), ()),))
            continue
        assert store is not None, "a plan with calls comes with its store"
        yield _written(planned, store.result(planned.request.key(store.endpoint)))


def _written(planned: Planned, result: Result | None) -> Written:
    n = planned.n
    if result is None or result.state in OPEN:
        return Written(planned, result, (), (), n, "failed", NOT_ASKED)
    if result.state == "failed":
        return Written(planned, result, (), (), n, "failed", f"{CALL_FAILED}: {result.reason}")
    if result.state == "rejected":
        return Written(planned, result, (), (), n, "rejected", f"{NO_USE}: {result.reason}")
    items = tuple(result.value[:n])
    judged = tuple(_judged(item, planned) for item in items)
    # A teacher may find less to ask; an item that is broken is another matter.
    why = f"not usable: {result.reason}" if result.reason else FEWER
    surplus = len(result.value) - len(items)
    return Written(planned, result, judged, items, n - len(items), "rejected", why, surplus)


def _judged(item: dict[str, Any], planned: Planned) -> Judged | str:
    try:
        draft = planned.kind.draft(item, planned.passage)
    except ValueError as error:
        return f"not usable: {error}"
    languages = [planned.language]
    quoted = language_of("\n".join(draft.quotes))
    if planned.follows and quoted not in (UNKNOWN, planned.language):
        languages.append(quoted)
    return judge_draft(draft, planned.passage, planned.kind, languages)


def rows_of(
    plan: Plan,
    store: RequestStore | None,
    catalog: Catalog,
    verify: VerifyRequest | None,
    ledger: RowLedger,
) -> Iterator[Row]:
    """Every draft as a row, accepted or rejected; duplicates are not looked for here.

    Args:
        plan: what was asked.
        store: with the replies.
        catalog: with the documents.
        verify: gives the request by which drafts of a call were verified; None: they were not.
        ledger: counts what was planned, and what of it was not written; not the rows.
    """
    document: ParsedDocument | None = None
    for one in written(plan, store):
        passage = one.planned.passage
        if document is None or document.sha256 != passage.document:
            document = catalog.document(passage.document)
        ledger.plan(one.planned.n)
        if one.n_missing:
            ledger.end(one.missing_fate, one.why_missing, one.n_missing)
        ledger.n_surplus += one.n_surplus
        by = plan.prompts.version(PURPOSE, one.planned.language) if verify else ""
        yield from _rows(one, document, _verdicts(one, store, verify), by)


def _verdicts(
    one: Written, store: RequestStore | None, verify: VerifyRequest | None
) -> list[Found]:
    """What was found of each survivor."""
    survivors = one.survivors
    if verify is None or store is None or one.planned.request is None or not survivors:
        return [Found() for _ in survivors]
    result = store.result(verify(one.planned, survivors).key(store.endpoint))
    if result is None or result.state in OPEN:
        return [Found(None, "failed", f"not verified: {NOT_ASKED}")] * len(survivors)
    if result.state == "failed":
        reason = f"not verified: {CALL_FAILED}: {result.reason}"
        return [Found(None, "failed", reason)] * len(survivors)
    if result.state == "rejected":
        return [Found(None, "rejected", f"not verified: {NO_USE}: {result.reason}")] * len(
            survivors
        )
    found = verdicts_of(result.value, len(survivors))
    return [
        _found(verdict, draft, one.planned.kind)
        for verdict, draft in zip(found, survivors, strict=True)
    ]


def _found(verdict: Verdict | None, draft: Draft, kind: Kind) -> Found:
    problem = fails(verdict, draft, kind)
    if not problem:
        return Found(verdict)
    return Found(verdict, "rejected", f"not verified: {problem}")


def _rows(one: Written, document: ParsedDocument, found: list[Found], by: str) -> Iterator[Row]:
    left = iter(found)
    for number, judged in enumerate(one.judged):
        if isinstance(judged, str):
            draft = Draft(one.planned.kind.name, ())
            row = _row(
                one, number, Judged(draft, (), (), ()), document, Found(None, "rejected", judged)
            )
            told = {"item": _short(str(one.items[number]), 400)}
            yield replace(row, provenance=replace(row.provenance, verdicts=told))
            continue
        end = Found(None, "rejected", judged.reason) if judged.reason else next(left)
        verdict = end.verdict
        row = _row(one, number, judged, document, end)
        told = {
            "ground": [*judged.ungrounded],
            "lint": [*judged.lint],
            "verify": None if verdict is None else {**verdict.model_dump(), "prompt": by},
        }
        yield replace(row, provenance=replace(row.provenance, verdicts=told))


def _row(one: Written, number: int, judged: Judged, document: ParsedDocument, found: Found) -> Row:
    planned, result = one.planned, one.result
    passage = planned.passage
    start, end = _reach(judged.spans) or (passage.start, passage.end)
    block = paragraph_of(document, start)
    last = result.replies[-1] if result is not None and result.replies else None
    provenance = Provenance(
        document=passage.document,
        name=passage.name,
        chunk=passage.number,
        start=start,
        end=end,
        page=block[1].page if block else passage.page,
        paragraph=block[0] if block else None,
        spans=judged.spans,
        prompt=planned.prompt,
        model=last.model if last else "",
        request=result.key if result is not None else "",
        n_prompt_tokens=sum(r.n_prompt_tokens for r in result.replies) if result else 0,
        n_tokens=sum(r.n_tokens for r in result.replies) if result else 0,
        flags=flags_of(passage),
    )
    key = provenance.request or f"{planned.kind.name}:{passage.document}:{passage.start}"
    return Row(
        id=row_id(key, number),
        fate=found.fate,
        reason=_short(found.reason),
        split=passage.split,
        language=planned.language,
        draft=judged.draft,
        provenance=provenance,
    )


def _reach(spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    if not spans:
        return None
    return min(start for start, _ in spans), max(end for _, end in spans)


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
