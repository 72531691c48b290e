"""Build data: a folder of documents becomes a grounded, judged, split and traceable dataset.

What costs something is on disk before the next step begins, and everything else is a function of
the documents and of what the teacher answered: a build that was killed goes on where it was, and
ends with the same bytes as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.chat.teacher import Teacher
from tunesmith.core.errors import DataError, RunError
from tunesmith.core.held import held, written_down
from tunesmith.data.files.located import shown
from tunesmith.pipelines.build_progress import BuildProgress
from tunesmith.pipelines.closed_book import ask_closed_book
from tunesmith.pipelines.export_data import (
    BUILD,
    DOCUMENTS,
    REQUESTS,
    ROWS,
    export_data,
    instruction_format,
    write_text,
)
from tunesmith.pipelines.ingest import Ingested, ingest
from tunesmith.synthesize.ask_teacher import VERIFY, generate, verify
from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.collect import VerifyRequest, rows_of
from tunesmith.synthesize.dedupe import Dedupe
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.estimate import Effort, estimate
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.outputs import folder_of
from tunesmith.synthesize.plan import Plan, Planned
from tunesmith.synthesize.prompts.prompts import SAME, Prompts, check_language
from tunesmith.synthesize.row import Row
from tunesmith.synthesize.row_ledger import RowLedger
from tunesmith.synthesize.rows_file import read_rows, write_rows
from tunesmith.synthesize.store import RequestStore
from tunesmith.synthesize.verify import verify_request


@dataclass(frozen=True)
class BuildSettings:
    """What a dataset is made of its documents."""

    kinds: Sequence[Kind]
    language: str = SAME
    """Of the rows: ``same`` as the document, or two letters."""
    prompts: Path | None = None
    """Folder with prompts of one's own."""
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    eval_fraction: float = 0.1
    """Of all characters, by whole documents."""
    seed: int = 0
    temperature: float = 0.0
    verifies: bool = True
    """Whether the teacher is asked again, with the source, about every draft."""
    format: str = "messages"
    """Of instructions: ``messages``, ``alpaca`` or ``sharegpt``."""
    n_processes: int = 2

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "kinds": [kind.model_dump() for kind in self.kinds],
            "language": self.language,
            "prompts": str(self.prompts) if self.prompts else None,
            "budget": f"{self.budget.limit} {self.budget.unit}",
            "eval_fraction": self.eval_fraction,
            "seed": self.seed,
            "temperature": self.temperature,
            "verifies": self.verifies,
            "format": self.format,
        }


def build_data(
    sources: Sequence[str],
    out: Path,
    settings: BuildSettings,
    *,
    teacher: Teacher | None = None,
    learner: Teacher | None = None,
    prices: Prices | None = None,
    dry_run: bool = False,
    retry_failed: bool = False,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Makes a dataset of documents, or goes on with one.

    Args:
        sources: files and folders.
        out: folder of the dataset; made if it is not there. The same call goes on with it, and a
            document that changed has only its own rows made anew.
        settings: what is made.
        teacher: is asked; None where no kind needs one.
        learner: the model that is to be tuned; is asked every question without its passage, and
            answers that it gives already count less. None: all rows count the same.
        prices: of the teacher, for telling the cost.
        dry_run: read the documents and tell calls, tokens and cost; ask nothing.
        retry_failed: ask again what failed in an earlier call of this function.
        show_progress: on standard error.

    Returns:
        ``documents``, ``skipped``, ``notices``, ``estimate``; and unless it is a dry run what
        :func:`export_data` returns, ``effort``, ``closed_book`` (``known``, ``missed``,
        ``not_answered``) and ``out``.

    Raises:
        DataError: documents or settings that cannot be used.
        EndpointError: the teacher answers no more; what was answered is kept.
        ParkedError: the same, where waiting helps.
        RunError: the folder is not one of a build, or cannot be written.
    """
    _check(out, settings, teacher, dry_run=dry_run)
    prompts = Prompts(settings.prompts)
    with ExitStack() as stack:
        stack.enter_context(held(out, choose="Name another folder"))
        stack.enter_context(written_down(out))
        catalog = stack.enter_context(Catalog(out / DOCUMENTS))
        before = _settings_before(out)
        ingested = ingest(
            sources,
            catalog,
            budget=settings.budget,
            limits=settings.limits,
            eval_fraction=settings.eval_fraction,
            seed=settings.seed,
            keep_sides=all(
                before.get(k) == getattr(settings, k) for k in ("eval_fraction", "seed")
            ),
            n_processes=settings.n_processes,
        )
        if not ingested.documents:
            raise DataError(_none_read(ingested))
        sampling = Sampling(temperature=settings.temperature, seed=settings.seed)
        plan = Plan(catalog.passages, settings.kinds, prompts, sampling, settings.language)
        ask = _verify(prompts, sampling) if settings.verifies else None
        efforts = estimate(plan, ask)
        told = {
            "documents": ingested.documents,
            "found": ingested.n_found,
            "skipped": ingested.skipped,
            "notices": ingested.notices,
            "shared_passages": ingested.n_shared,
            "planned": sum(planned.n for planned in plan),
            "estimate": {step: effort.as_dict(prices) for step, effort in efforts.items()},
        }
        if dry_run:
            return told
        store = None
        if teacher is not None:
            store = stack.enter_context(RequestStore(out / REQUESTS, teacher.endpoint))
            progress = stack.enter_context(BuildProgress(prices, is_shown=show_progress))
            _ask(store, teacher, plan, ask, efforts, progress, retry_failed=retry_failed)
        ledger = RowLedger()
        rows = rows_of(plan, store, catalog, ask, ledger)
        _write_rows(out, rows, settings.kinds, catalog)
        asked = None
        if learner is not None:
            progress = stack.enter_context(BuildProgress(None, is_shown=show_progress))
            asked = ask_closed_book(out, read_rows(out / ROWS), learner, progress)
        effort = _spent(store)
        build = {
            "settings": settings.as_dict(),
            "teacher": str(teacher.endpoint) if teacher is not None else None,
            "planned": ledger.n_planned,
            "missing": ledger.as_counts(),
            "documents": ingested.documents,
            "skipped": ingested.skipped,
            "effort": effort.as_dict(prices),
        }
        write_text(out / BUILD, json.dumps(build, ensure_ascii=False, indent=2) + "\n")
    made = {"effort": effort.as_dict(prices), "closed_book": asked, "out": shown(out)}
    return {**told, **export_data(out), **made}


def _check(out: Path, settings: BuildSettings, teacher: Teacher | None, *, dry_run: bool) -> None:
    instruction_format(settings.format)
    check_language(settings.language)
    asking = [kind.name for kind in settings.kinds if kind.asks_teacher]
    if asking and teacher is None and not dry_run:
        raise DataError(
            f"{', '.join(asking)}: a teacher has to write these. Name one: --teacher openai:MODEL, "
            "or a URL; tunesmith teacher demo serves one on this machine."
        )
    if out.exists() and not out.is_dir():
        raise RunError(f"{shown(out)}: is a file. Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / DOCUMENTS).exists():
        raise RunError(f"{shown(out)}: not empty, and not built here. Name another folder.")


def _settings_before(out: Path) -> Mapping[str, Any]:
    try:
        return json.loads((out / BUILD).read_text("utf-8"))["settings"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{shown(out / BUILD)}: cannot be read ({error}).") from None


def _none_read(ingested: Ingested) -> str:
    reasons = "; ".join(f"{s['name']}: {s['reason']}" for s in ingested.skipped[:3])
    return f"none of {ingested.n_found:,} files could be read. {reasons}"


def _verify(prompts: Prompts, sampling: Sampling) -> VerifyRequest:
    def ask(planned: Planned, drafts: Sequence[Draft]) -> Request:
        request = verify_request(planned.passage, drafts, prompts, planned.language, sampling)
        return replace(request, tag=f"{VERIFY}/{planned.language}")

    return ask


def _ask(
    store: RequestStore,
    teacher: Teacher,
    plan: Plan,
    ask: VerifyRequest | None,
    efforts: Mapping[str, Effort],
    progress: BuildProgress,
    *,
    retry_failed: bool,
) -> None:
    """Both steps; what an earlier call has answered is not asked again."""
    whole = Effort()
    for effort in efforts.values():
        whole += effort
    generate(store, teacher, plan, progress, whole, retry_failed=retry_failed)
    if ask is not None:
        verify(store, teacher, plan, ask, progress, efforts[VERIFY], retry_failed=retry_failed)


def _write_rows(out: Path, rows: Iterator[Row], kinds: Sequence[Kind], catalog: Catalog) -> None:
    """Writes rows as they come, then once more without what repeats another."""
    by_name = {kind.name: kind for kind in kinds}
    repeats = {folder_of(kind): Dedupe() for kind in kinds}

    def watched() -> Iterator[Row]:
        for row in rows:
            if row.fate == "accepted":
                kind = by_name[row.draft.kind]
                asked, answer = _wording(row, kind, catalog)
                repeats[folder_of(kind)].add(row.id, asked, answer, row.split)
            yield row

    first = out / f".{ROWS}.judged"
    try:
        write_rows(first, watched())
        drops = {id: reason for one in repeats.values() for id, reason in one.drops().items()}
        write_rows(out / ROWS, _without(read_rows(first), drops))
    finally:
        first.unlink(missing_ok=True)


def _without(rows: Iterator[Row], drops: Mapping[str, str]) -> Iterator[Row]:
    for row in rows:
        reason = drops.get(row.id)
        yield row if reason is None else replace(row, fate="rejected", reason=reason)


def _wording(row: Row, kind: Kind, catalog: Catalog) -> tuple[str, str]:
    """What two rows are compared by: what is asked, which is to be asked once, and the answer."""
    draft, told = row.draft, row.provenance
    if not draft.turns:
        text = " ".join(draft.quotes) or catalog.text(told.document)[told.start : told.end]
        return text, draft.label
    asked = "\n".join(turn.request for turn in draft.turns)
    answer = "\n".join(turn.answer for turn in draft.turns)
    # Beside its passage the same request may stand many times: for a summary of each.
    shows_passage = kind.name == "summary" or getattr(kind, "with_passage", False)
    return (f"{asked}\n{answer}", "") if shows_passage else (asked, answer)


def _spent(store: RequestStore | None) -> Effort:
    """All that was ever asked for this dataset as it is planned now."""
    spent = Effort()
    if store is not None:
        for result in store.results(planned=True):
            for reply in result.replies:
                spent += Effort(1, reply.n_prompt_tokens, reply.n_tokens)
    return spent
