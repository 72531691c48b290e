"""Ask the teacher: the two calls of a build, each kept on disk as soon as it is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.teacher import Teacher
from tunesmith.core.errors import EndpointError
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
MOST_ALIKE = 20
"""Calls of a step that may fail for one reason before any succeeds."""


class Progress(Protocol):
    """Whoever shows how far it is."""

    def begin(self, step: str, n_open: int, expected: Effort, later: Effort | None = None) -> None:
        """Begins a step with so many open calls, what they are expected to take, and the rest."""
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
    later: Effort | None = None,
    *,
    retry_failed: bool = False,
) -> None:
    """Asks for everything that the plan names and that is not answered yet.

    Args:
        store: takes the calls and their replies.
        model: is asked.
        plan: what to ask.
        progress: is told.
        expected: of this step.
        later: of the next one.
        retry_failed: ask again what failed before.

    Raises:
        EndpointError: the teacher answers no more; what was answered is kept.
        ParkedError: the same, where waiting helps.
        RunError: the store cannot be written.
    """
    store.plan(planned.request for planned in plan if planned.request is not None)
    if retry_failed:
        store.retry_failed()
    _work("generate", store, model, plan, progress, expected, later)


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
    if retry_failed:  # what has just failed again in the first step is left alone
        store.retry_failed(VERIFY)
    _work(VERIFY, store, model, plan, progress, expected)


def _work(
    step: str,
    store: RequestStore,
    model: Teacher,
    plan: Plan,
    progress: Progress,
    expected: Effort,
    later: Effort | None = None,
) -> None:
    counts = store.counts()
    progress.begin(step, counts["pending"] + counts["leased"], expected, later)
    watch = _Watch(str(model.endpoint), progress.tell)
    work_through(store, model, judge_by_tag(plan.prompts), progress=watch)


class _Watch:
    """Ends a step in which every call fails in the same way, before all have been paid for."""

    def __init__(self, endpoint: str, tell: Callable[[Worked], None]) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self._reasons: Counter[str] = Counter()
        self._has_success = False

    def __call__(self, worked: Worked) -> None:
        self._tell(worked)
        if worked.state != "failed":
            self._has_success = True
        elif not self._has_success:
            self._reasons[worked.reason] += 1
            reason = worked.reason
            if self._reasons[reason] >= MOST_ALIKE:
                raise EndpointError(
                    f"{self._endpoint}: the first {MOST_ALIKE} calls failed alike: {reason}. "
                    "Mend that, then run the same command with --retry-failed."
                )


def judge_by_tag(prompts: Prompts) -> Judge:
    """A judge of every reply of a build: a request's tag is its step, a slash, its language."""

    def judge(leased: Leased, completion: Completion) -> Judgement:
        step, _, language = leased.first.tag.partition("/")
        shape = VerdictShape if step == VERIFY else KINDS.load(step).shape
        return judge_items(shape, repair=prompts.repair(language))(leased, completion)

    return judge
