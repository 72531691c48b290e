"""Work through: a store's requests, asked and judged until none is left open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.patience import Failure
from tunesmith.chat.request import Request
from tunesmith.chat.teacher import Outcome, Teacher
from tunesmith.core.errors import RunError
from tunesmith.synthesize.parse_reply import parse_reply
from tunesmith.synthesize.repair import PROBLEM, REPAIRS
from tunesmith.synthesize.store import LEASE_S, RequestStore
from tunesmith.synthesize.stored import Leased, State

RENEW_S = LEASE_S / 8
LARGER = 2
"""How many times the room a reply gets that was cut."""


@dataclass(frozen=True, slots=True)
class Done:
    """A reply that can be used."""

    value: Any
    """Ready for JSON."""
    reason: str = ""
    """What of it was left out."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another reply is to be asked for."""

    request: Request
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reply that cannot be used; its text is kept."""

    reason: str


Verdict = Done | Again | Rejected
Judge = Callable[[Leased, Completion], Verdict]


@dataclass(frozen=True, slots=True)
class Worked:
    """What has just become of a request, for whoever shows progress."""

    request: Request
    """As it was added."""
    state: State
    """``pending``: it is asked once more."""
    completion: Completion | None
    """The reply, if there was one."""
    reason: str


def work_through(
    store: RequestStore,
    model: Teacher,
    judge: Judge,
    *,
    progress: Callable[[Worked], None] | None = None,
) -> None:
    """Asks everything of the store's plan that is open.

    Args:
        store: with the requests.
        model: is asked; its endpoint is the store's.
        judge: says what a reply is worth. Refusals and filtered replies are rejected before.
        progress: called after each outcome, when it is on the disk.

    Raises:
        EndpointError: the endpoint answers no more; what was under way is open again.
        ParkedError: the same, where waiting helps.
        RunError: the store is another endpoint's, or cannot be written.
    """
    if model.endpoint != store.endpoint:
        raise RunError(
            f"{store.path}: holds requests to {store.endpoint}, not to {model.endpoint}. Use "
            "another store."
        )
    leased: dict[str, Leased] = {}
    renewed_at = time.monotonic()

    def requests() -> Iterator[Request]:
        while (one := store.lease()) is not None:
            leased[one.request.tag] = one
            yield one.request

    def take(request: Request, outcome: Outcome) -> None:
        nonlocal renewed_at
        one = leased.pop(request.tag)
        if isinstance(outcome, Failure):
            worked = Worked(one.first, "failed", None, outcome.reason)
            store.reply(one, None, "failed", reason=outcome.reason)
        else:
            verdict = _refused(outcome) or judge(one, outcome)
            worked = Worked(one.first, _state(verdict), outcome, verdict.reason)
            store.reply(
                one,
                outcome,
                _state(verdict),
                value=verdict.value if isinstance(verdict, Done) else None,
                reason=verdict.reason,
                following=verdict.request if isinstance(verdict, Again) else None,
            )
        if time.monotonic() - renewed_at > RENEW_S:  # a slow model holds some for long
            store.renew()
            renewed_at = time.monotonic()
        if progress is not None:
            progress(worked)

    try:
        while store.counts()["pending"] or store.has_abandoned():
            model.work(requests(), take)
    finally:
        with suppress(RunError):  # the disk is full: leases end with this process anyway
            store.release()


def judge_items(shape: type[BaseModel], *, repair: str = REPAIRS["en"]) -> Judge:
    """A judge of replies that hold items of a shape.

    A reply that was cut is asked for once more with twice the room, a broken one once more with
    what is wrong with it. What is whole in a second broken reply is taken and the rest noted; a
    reply that is cut is never taken.

    Args:
        shape: of one item.
        repair: what a model is told whose reply is broken; ``{problem}`` stands for what is wrong.
            :data:`~tunesmith.synthesize.repair.REPAIRS` has it in the languages of documents.
    """

    def judge(leased: Leased, completion: Completion) -> Verdict:
        parsed = parse_reply(completion.text, shape, finish_reason=completion.finish_reason)
        if parsed.is_refusal:
            return Rejected(f"refusal: {completion.text[:200]}")
        values = [value.model_dump() for value in parsed.values]
        if parsed.is_complete:
            return Done(values)
        problem = "; ".join(parsed.problems[:3]) or "its end is missing"
        if leased.n_replies == 0:
            asked = leased.request
            if parsed.is_cut:
                room = asked.sampling.max_new_tokens * LARGER
                wider = replace(asked.sampling, max_new_tokens=room)
                return Again(replace(asked, sampling=wider), problem)
            said = {"role": "assistant", "content": completion.text}
            told = {"role": "user", "content": repair.replace(PROBLEM, problem)}
            return Again(replace(asked, messages=(*asked.messages, said, told)), problem)
        if values and not parsed.is_cut:
            return Done(values, f"left out: {problem}")
        return Rejected(problem)

    return judge


def _state(verdict: Verdict) -> Literal["done", "pending", "rejected"]:
    match verdict:
        case Done():
            return "done"
        case Again():
            return "pending"
        case Rejected():
            return "rejected"


def _refused(completion: Completion) -> Rejected | None:
    if completion.finish_reason in ("content_filter", "refusal"):
        return Rejected(f"{completion.finish_reason}: {completion.text[:200]}".rstrip(": "))
    return None
