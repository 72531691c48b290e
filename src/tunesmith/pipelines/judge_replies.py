"""Judge replies: what a judge said, kept in the comparison's folder as it comes.

That a request will never be answered is kept beside answers alone: where nothing at all is
answered, more than the requests may be the matter, as a setting of the endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.request import Request
from tunesmith.core.errors import EndpointError
from tunesmith.core.lines_kept import LinesKept

if TYPE_CHECKING:
    from tunesmith.chat.teacher import Outcome, Teacher

FOLDER, REPLIES = "judge", "replies.jsonl"


def kept_replies(folder: Path) -> dict[str, dict[str, Any]]:
    """Every reply by the key of its request; ``why`` where there will never be one.

    Args:
        folder: of the comparison.

    Raises:
        RunError: the file cannot be read, or is broken.
    """
    return {entry["key"]: entry for entry in _file(folder).read()}


def missing_replies(folder: Path, wanted: Mapping[str, Request]) -> tuple[dict[str, Request], bool]:
    """Requests that have to be sent, by key, and whether any of the others was answered.

    Args:
        folder: of the comparison.
        wanted: by key, every request that there is.

    Raises:
        RunError: the file cannot be read, or is broken.
    """
    kept = kept_replies(folder)
    is_answered = any(key in kept and not kept[key].get("why") for key in wanted)
    left = {
        key: request
        for key, request in wanted.items()
        if key not in kept or (kept[key].get("why") and not is_answered)
    }
    return left, is_answered


def ask_and_keep(
    teacher: Teacher, missing: Mapping[str, Request], folder: Path, *, is_answered: bool
) -> str:
    """Asks a judge, and keeps every reply as it comes.

    Args:
        teacher: the judge.
        missing: by key, what is sent.
        folder: of the comparison.
        is_answered: whether it answered anything before.

    Returns:
        Why not all were answered that may be later; empty: what is missing never will be.

    Raises:
        RunError: the file cannot be written.
    """
    file, passing, lasting = _file(folder), list[str](), list[dict[str, Any]]()
    endpoint = teacher.endpoint

    def take(request: Request, outcome: Outcome) -> None:
        nonlocal is_answered
        key = request.key(endpoint)
        if isinstance(outcome, Completion):
            told = {"text": outcome.text, "finish_reason": outcome.finish_reason}
            tokens = {"n_prompt_tokens": outcome.n_prompt_tokens, "n_tokens": outcome.n_tokens}
            file.add_all([*lasting, {"key": key, **told, **tokens}])
            lasting.clear()
            is_answered = True
        elif outcome.may_pass:
            passing.append(outcome.reason)
        else:  # broken, and not asked again
            entry = {"key": key, "text": "", "finish_reason": "failed", "why": outcome.reason}
            if is_answered:
                file.add(entry)
            else:
                lasting.append(entry)

    try:
        teacher.work(missing.values(), take)
    except EndpointError as error:
        return str(error)
    if passing:
        return f"{len(passing):,} requests were not answered, the first: {passing[0]}"
    if lasting:
        return (
            f"none of {len(lasting):,} requests could be answered, the first: "
            f"{lasting[0]['why'].rstrip('.')}. The same command asks again."
        )
    return ""


def _file(folder: Path) -> LinesKept:
    return LinesKept(folder / FOLDER / REPLIES)
