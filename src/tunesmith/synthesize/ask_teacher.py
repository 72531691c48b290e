"""Ask the teacher: the two calls of a build, each kept on disk as soon as it is answered."""

from __future__ import annotations

from typing import Protocol

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.teacher import Teacher
from tunesmith.synthesize.collect import VerifyRequest, written
from tunesmith.synthesize.estimate import Effort
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.plan import Plan
from tunesmith.synthesize.prompts import Prompts
from tunesmith.synthesize.store import Leased, RequestStore
from tunesmith.synthesize.verify import Verdict as VerdictShape
from tunesmith.synthesize.work_through import Judge, Worked, judge_items, work_through
from tunesmith.synthesize.work_through import Verdict as Judgement

VERIFY = "verify"


class Progress(Protocol):
    """Whoever shows how far it is."""

    def begin(self, step: str, n_open: int, expected: Effort) -> None:
        """Begins a step with so many calls that are not answered yet."""
        ...

    def tell(self, worked: Worked) -> None:
        """Takes one outcome in."""
        ...


def generate(
    store: RequestStore,
    model: Teacher,
    plan: Plan,
    progress: Progress,
    expected: Effort,
    *,
    retry_failed: bool = False,
) -> None:
    """Asks for everything that the plan names and that is not answered yet.

    Args:
        store: takes the calls and their replies.
        model: is asked.
        plan: what to ask.
        progress: is told.
        expected: of this step and the next.
        retry_failed: ask again what failed before.

    Raises:
        EndpointError: the teacher answers no more; what was answered is kept.
        ParkedError: the same, where waiting helps.
        RunError: the store cannot be written.
    """
    store.plan(planned.request for planned in plan if planned.request is not None)
    _work("generate", store, model, plan, progress, expected, retry_failed=retry_failed)


def verify(
    store: RequestStore,
    model: Teacher,
    plan: Plan,
    ask: VerifyRequest,
    progress: Progress,
    expected: Effort,
    *,
    retry_failed: bool = False,
) -> None:
    """Asks again, with the source, what is to be thought of every draft that is sound so far.

    Args:
        store: with the drafts; takes the calls and their replies.
        model: is asked.
        plan: by which the drafts were asked for.
        ask: gives the request for the drafts of one call.
        progress: is told.
        expected: of this step.
        retry_failed: ask again what failed before.

    Raises:
        EndpointError: the teacher answers no more; what was answered is kept.
        ParkedError: the same, where waiting helps.
        RunError: the store cannot be written.
    """
    store.add(
        ask(one.planned, one.survivors)
        for one in written(plan, store)
        if one.survivors and one.planned.request is not None
    )
    _work(VERIFY, store, model, plan, progress, expected, retry_failed=retry_failed)


def _work(
    step: str,
    store: RequestStore,
    model: Teacher,
    plan: Plan,
    progress: Progress,
    expected: Effort,
    *,
    retry_failed: bool,
) -> None:
    if retry_failed:  # in the second step, what has just failed again is left alone
        store.retry_failed(VERIFY if step == VERIFY else "")
    counts = store.counts()
    progress.begin(step, counts["pending"] + counts["leased"], expected)
    work_through(store, model, judge_by_tag(plan.prompts), progress=progress.tell)


def judge_by_tag(prompts: Prompts) -> Judge:
    """A judge of every reply of a build: a request's tag is its step, a slash, its language."""

    def judge(leased: Leased, completion: Completion) -> Judgement:
        step, _, language = leased.first.tag.partition("/")
        shape = VerdictShape if step == VERIFY else KINDS.load(step).shape
        return judge_items(shape, repair=prompts.repair(language))(leased, completion)

    return judge
