"""Build data: a folder of documents becomes a grounded, judged, split and traceable dataset.

What costs something is on disk before the next step begins, and everything else is a function of
the documents and of what the teacher answered: a build that was killed goes on where it was, and
ends with the same bytes as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.chat.teacher import Teacher
from tunesmith.core.errors import DataError, EndpointError, RunError
from tunesmith.core.held import held, is_unused, written_down
from tunesmith.data.files.located import shown
from tunesmith.pipelines.build_progress import BuildProgress
from tunesmith.pipelines.closed_book import ask_closed_book
from tunesmith.pipelines.export_data import (
    BUILD,
    DOCUMENTS,
    REQUESTS,
    ROWS,
    export_held,
    instruction_format,
    write_text,
)
from tunesmith.pipelines.ingest import Ingested, ingest
from tunesmith.synthesize.ask_teacher import VERIFY, generate, verify
from tunesmith.synthesize.build_settings import BuildSettings, changes
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.collect import VerifyRequest, rows_of
from tunesmith.synthesize.documents.find import find_documents
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.estimate import Effort, estimate
from tunesmith.synthesize.judged_rows import write_judged_rows
from tunesmith.synthesize.plan import Plan, Planned
from tunesmith.synthesize.prompts.prompts import Prompts, check_language
from tunesmith.synthesize.row_ledger import RowLedger
from tunesmith.synthesize.rows_file import read_rows
from tunesmith.synthesize.store import RequestStore
from tunesmith.synthesize.verify import verify_request


def build_data(
    sources: Sequence[str],
    out: Path,
    settings: BuildSettings,
    *,
    teacher: Teacher | None = None,
    learner: Teacher | None = None,
    endpoint: Endpoint | None = None,
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
        endpoint: of the teacher, where a dry run is to know what it has answered before.
        prices: of the teacher, for telling the cost.
        dry_run: read the documents and tell calls, tokens and cost; ask nothing.
        retry_failed: ask again what failed in an earlier call of this function.
        show_progress: on standard error.

    Returns:
        ``documents``, ``skipped``, ``notices``, ``estimate`` of what is still to be asked; and
        unless it is a dry run what ``export_data`` returns, ``effort`` (of these rows),
        ``effort_ever``, ``surplus``, ``closed_book`` (``known``, ``missed``, ``not_answered``) and
        ``out``.

    Raises:
        DataError: documents or settings that cannot be used.
        EndpointError: the teacher answers no more; what was answered is kept, and what is finished
            of it is in the dataset.
        ParkedError: the same, where waiting helps.
        RunError: the folder is not one of a build, or cannot be written.
    """
    _check(out, settings, teacher, dry_run=dry_run)
    prompts = Prompts(settings.prompts)
    find_documents(sources, out=out)  # a slip in a name leaves no folder behind
    with ExitStack() as stack:
        stack.enter_context(held(out, choose="Name another folder"))
        stack.enter_context(written_down(out))
        catalog = stack.enter_context(Catalog(out / DOCUMENTS))
        before = _build_before(out)
        ingested = ingest(
            sources,
            catalog,
            budget=settings.budget,
            limits=settings.limits,
            eval_fraction=settings.eval_fraction,
            seed=settings.seed,
            keep_sides=_has_the_same_sides(before, settings),
            n_processes=settings.n_processes,
            out=out,
        )
        if not ingested.documents:
            raise DataError(_none_read(ingested))
        sampling = Sampling(temperature=settings.temperature, seed=settings.seed)
        plan = Plan(catalog.passages, settings.kinds, prompts, sampling, settings.language)
        ask = _verify(prompts, sampling) if settings.verifies else None
        store = None
        asked_at = teacher.endpoint if teacher is not None else endpoint
        if asked_at is not None and (teacher is not None or (out / REQUESTS).exists()):
            store = stack.enter_context(RequestStore(out / REQUESTS, asked_at))
        efforts = estimate(plan, ask, store)
        told = {
            "documents": ingested.documents,
            "found": ingested.n_found,
            "skipped": ingested.skipped,
            "notices": [*ingested.notices, *_replaced(before, settings, teacher)],
            "shared_passages": ingested.n_shared,
            "planned": sum(planned.n for planned in plan),
            "estimate": {step: effort.as_dict(prices) for step, effort in efforts.items()},
        }
        if dry_run:
            return told
        stopped = None
        if teacher is not None and store is not None:
            try:
                _ask(
                    store,
                    teacher,
                    plan,
                    ask,
                    efforts,
                    prices,
                    retry_failed=retry_failed,
                    is_shown=show_progress,
                )
            except EndpointError as error:
                if not _spent(store, planned=True).calls:
                    raise
                stopped = error
        ledger = RowLedger()
        rows = rows_of(plan, store, catalog, ask, ledger)
        write_judged_rows(out / ROWS, rows, settings.kinds, catalog)
        asked = None
        if learner is not None and stopped is None:
            progress = stack.enter_context(BuildProgress(None, is_shown=show_progress))
            try:
                asked = ask_closed_book(out, read_rows(out / ROWS), learner, progress)
            except EndpointError as error:
                stopped = error
        # Rows are whole without what the learner said, so they are written all the same.
        effort, ever = _spent(store, planned=True), _spent(store, planned=False)
        build = {
            "settings": settings.as_dict(),
            "teacher": str(teacher.endpoint) if teacher is not None else None,
            "learner": str(learner.endpoint) if learner is not None else None,
            "planned": ledger.n_planned,
            "missing": ledger.as_counts(),
            "documents": ingested.documents,
            "skipped": ingested.skipped,
            "effort": effort.as_dict(prices),
            "effort_ever": ever.as_dict(prices),
        }
        write_text(out / BUILD, json.dumps(build, ensure_ascii=False, indent=2) + "\n")
        exported = export_held(out)
    made = {
        "effort": effort.as_dict(prices),
        "effort_ever": ever.as_dict(prices),
        "surplus": ledger.n_surplus,
        "closed_book": asked,
        "out": shown(out),
    }
    result = {**told, **exported, **made}
    if stopped is not None:
        raise _told_what_is_there(stopped, result)
    return result


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
    if not is_unused(out) and not (out / DOCUMENTS).exists():
        raise RunError(f"{shown(out)}: not empty, and not built here. Name another folder.")


def _build_before(out: Path) -> Mapping[str, Any]:
    """What the build before this one wrote about itself; nothing where that is damaged."""
    try:
        found = json.loads((out / BUILD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("settings"), dict) else {}


def _has_the_same_sides(before: Mapping[str, Any], settings: BuildSettings) -> bool:
    kept = before.get("settings", {})
    return all(kept.get(key) == getattr(settings, key) for key in ("eval_fraction", "seed"))


def _replaced(
    before: Mapping[str, Any], settings: BuildSettings, teacher: Teacher | None
) -> list[str]:
    """What is told where this build replaces the rows of another one."""
    told = changes(before.get("settings", {}), settings.as_dict())
    if teacher is not None and before.get("teacher") not in (None, str(teacher.endpoint)):
        told.append(f"the teacher was {before['teacher']} and is {teacher.endpoint}")
    if not told:
        return []
    return [
        f"the dataset is made anew: {'; '.join(told)}. Rows of before leave it, with what was "
        "decided on them in review; their replies are kept and come back with the same settings"
    ]


def _told_what_is_there(stopped: EndpointError, result: Mapping[str, Any]) -> EndpointError:
    n = result["fates"]["accepted"]
    if not n:
        return stopped
    return type(stopped)(f"{stopped} {n:,} finished rows are in {result['dataset']}.")


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
    prices: Prices | None,
    *,
    retry_failed: bool,
    is_shown: bool,
) -> None:
    """Both steps; what an earlier call has answered is not asked again, and counts for the cap."""
    before = _spent(store, planned=False)
    teacher.spend.bring_forward(before.prompt_tokens, before.tokens)
    with BuildProgress(prices, before=before, is_shown=is_shown) as progress:
        first, later = efforts["generate"], efforts.get(VERIFY)
        generate(store, teacher, plan, progress, first, later, retry_failed=retry_failed)
        if ask is not None and later is not None:
            verify(store, teacher, plan, ask, progress, later, retry_failed=retry_failed)


def _spent(store: RequestStore | None, *, planned: bool) -> Effort:
    """What was answered: of the present plan, or all that was ever paid for."""
    spent = Effort()
    if store is not None:
        for result in store.results(planned=planned):
            for reply in result.replies:
                spent += Effort(1, reply.n_prompt_tokens, reply.n_tokens)
    return spent
