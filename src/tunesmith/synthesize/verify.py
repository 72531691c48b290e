"""Verify: a second look at drafts by a model that is shown the passage, and what its verdict means.

All drafts of a passage are judged by one request. A verdict that is missing, doubled or broken
never counts as a pass.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.kinds.kind import Item, Kind
from tunesmith.synthesize.parse_reply import reply_schema
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts import Prompts
from tunesmith.synthesize.prompts.prompts import language_of

PURPOSE = "verify"
ROOM, ROOM_AROUND = 160, 200
"""Tokens of one verdict in a reply, and of what stands around them."""
LONGEST_REASON = 200
CLOSING = re.compile(r"<(?=\s*/?\s*(?:passage|items)\b)", re.IGNORECASE)


class Verdict(Item):
    """What the model says of one draft."""

    number: int
    """Of the draft, from 1."""
    reason: str = ""
    """Asked for before the rest: what is written first is what the rest is decided by."""
    answerable: bool
    """Whether the passage answers the question."""
    supported: bool
    """Whether all that the answer says stands in the passage."""
    self_contained: bool
    """Whether the question is understood without the passage."""


def verify_request(
    passage: Passage,
    drafts: Sequence[Draft],
    prompts: Prompts,
    language: str,
    sampling: Sampling,
) -> Request:
    """What is asked about drafts of one passage.

    Args:
        passage: that they were made of.
        drafts: numbered from 1 in this order.
        prompts: texts.
        language: that the drafts were asked for in; ``same``: the passage's.
        sampling: its room is made larger where the drafts need more.
    """
    numbered = [
        json.dumps({"number": number, **shown(draft)}, ensure_ascii=False)
        for number, draft in enumerate(drafts, 1)
    ]
    items = CLOSING.sub(r"\\u003c", "\n".join(numbered))  # the same JSON, but no tag
    values = {"passage": passage.shown(), "items": items, "n": str(len(drafts))}
    text = prompts.fill(PURPOSE, language_of(passage, language), values)
    room = max(sampling.max_new_tokens, ROOM_AROUND + len(drafts) * ROOM)
    return Request(
        ({"role": "user", "content": text},),
        replace(sampling, max_new_tokens=room),
        reply_schema(Verdict, at_most=len(drafts)),
    )


def shown(draft: Draft) -> dict[str, Any]:
    """A draft as the model is shown it: without its style, which would tell what to say of it."""
    if not draft.turns:
        return {"text": "\n".join(draft.quotes), "label": draft.label}
    pairs = [{"question": turn.request, "answer": turn.answer} for turn in draft.turns]
    what: dict[str, Any] = pairs[0] if len(pairs) == 1 else {"exchanges": pairs}
    if draft.rejected:
        what = {**what, "worse_answer": draft.rejected}
    return {**what, "quotes": list(draft.quotes)}


def verdicts_of(values: Any, n: int) -> list[Verdict | None]:
    """The verdict of each draft.

    Args:
        values: items of a reply, each a mapping or a ``Verdict``; anything else is broken.
        n: drafts that were asked about.

    Returns:
        One for each draft in order; None where it is missing, doubled or broken.
    """
    found: dict[int, Verdict | None] = {}
    n_named: Counter[int] = Counter()
    for value in values if isinstance(values, list | tuple) else ():
        try:
            verdict = Verdict.model_validate(value, strict=True)
        except ValidationError:
            number = value.get("number") if isinstance(value, dict) else None
            if isinstance(number, int):
                n_named[number] += 1
                found[number] = None
            continue
        n_named[verdict.number] += 1
        found[verdict.number] = verdict
    return [found.get(number) if n_named[number] == 1 else None for number in range(1, n + 1)]


def fails(verdict: Verdict | None, draft: Draft, kind: Kind) -> str:
    """Why a draft is not taken; empty where it passes.

    Args:
        verdict: None: there is no valid one.
        draft: that it is about.
        kind: of the draft; says whether the passage is meant not to answer it.
    """
    if verdict is None:
        return "no valid verdict"
    if kind.is_unanswerable(draft):
        # Whether an answer is supported that says there is none, models judge either way.
        problem = "the passage answers it after all" if verdict.answerable else ""
    elif not verdict.answerable:
        problem = "the passage does not answer it"
    elif not verdict.supported:
        problem = "not all of the answer stands in the passage"
    else:
        problem = ""
    if not problem and not verdict.self_contained:
        problem = "not understood without the passage"
    said = " ".join(verdict.reason.split())[:LONGEST_REASON]
    return f"{problem}: {said}" if problem and said else problem
