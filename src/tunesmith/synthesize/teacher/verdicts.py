"""Verdicts: drafts judged by rule. Quotes and answers have to stand in the passage word for word.

This is stricter than a reader who understands, and blind to all that only such a reader sees: a
question that fits another answer, a label that does not fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ITEMS = re.compile(r"<items>\n(.*?)\n</items>", re.DOTALL)
FIELDS = frozenset({"number", "answerable", "supported", "self_contained"})
OF_THE_TEXT = re.compile(
    r"\b(?:the|this) (?:passage|text|document)\b|\b(?:el|este) (?:pasaje|texto|documento)\b"
    r"|本文|文中|文段|上述|지문|본문|이 글",
    re.IGNORECASE,
)


def wants_verdicts(schema: Mapping[str, Any]) -> bool:
    """Whether a schema asks for verdicts."""
    items = schema.get("properties", {}).get("items", {}).get("items", {})
    return FIELDS <= set(items.get("properties", {}))


def judge_by_rule(request: str, passage: str) -> dict[str, Any]:
    """Verdicts on the numbered items of a request."""
    found = ITEMS.findall(request)
    drafts = [json.loads(line) for line in found[-1].splitlines() if line] if found else []
    return {"items": [_verdict(draft, _plain(passage)) for draft in drafts]}


def _verdict(draft: dict[str, Any], passage: str) -> dict[str, Any]:
    pairs = draft.get("exchanges", [draft])
    quotes = draft.get("quotes", [draft.get("text", "")])
    answers = [pair["answer"] for pair in pairs if "answer" in pair]
    questions = [pair["question"] for pair in pairs if "question" in pair]
    is_quoted = bool(quotes) and all(_stands_in(quote, passage) for quote in quotes)
    is_supported = all(_stands_in(answer, passage) for answer in answers)
    worse = draft.get("worse_answer")
    if worse is not None:
        is_supported &= not any(_stands_in(worse, _plain(quote)) for quote in quotes)
    if not quotes:  # nothing is claimed: it says that there is no answer
        return _said(draft, False, True, questions, "no quote")
    reason = "quotes and answers stand in the passage" if is_quoted and is_supported else "not so"
    return _said(draft, is_quoted, is_quoted and is_supported, questions, reason)


def _said(
    draft: dict[str, Any], answerable: bool, supported: bool, questions: list[str], reason: str
) -> dict[str, Any]:
    return {
        "number": draft["number"],
        "reason": f"by rule: {reason}",
        "answerable": answerable,
        "supported": supported,
        "self_contained": not any(OF_THE_TEXT.search(question) for question in questions),
    }


def _stands_in(words: str, text: str) -> bool:
    return bool(words.strip()) and _plain(words) in text


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
