"""Published: TweetSumm's dialogues, whose turns and summaries come in one record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.data.formats.tweetsumm_layouts import Dialogue
from tunesmith.synthesize.dialogues.said import Said, Side

SIDES: Mapping[str, Side] = {"user": "customer", "agent": "agent"}
HANDLE = re.compile(r"\W*@?(?P<handle>[A-Za-z][\w]{2,30})\b")
LEAST = 2
"""Turns that begin with the company's handle."""
LIKE_HANDLE = re.compile(r"[a-z\d][A-Z]|[A-Z]{2}|_|help|care|support|team", re.I)
KEYS = ("original dialog id", "new dialog id", "dialog_id", "conversation_id")


def messages_of(dialogue: Dialogue, origin: str) -> list[Said]:
    """The turns as messages.

    Where a layout does not tell who speaks, its customers do: their turns begin with the company's
    handle, as Twitter puts it there.
    """
    turns = [(SIDES.get(speaker, ""), text) for speaker, text in dialogue.turns if text.strip()]
    if not any(side for side, _ in turns):
        return _told_by_handle([text for _, text in turns], origin)
    return [
        Said(f"{origin}/{number}", text, side=side, told_by="word")
        for number, (side, text) in enumerate(turns, 1)
    ]


def name_of(record: Mapping[str, Any], dialogue: Dialogue) -> str:
    """The dialogue's id, where it has one."""
    found = next((record[key] for key in KEYS if isinstance(record.get(key), str)), "")
    return str(found) or dialogue.group


def _told_by_handle(texts: Sequence[str], origin: str) -> list[Said]:
    handle = company_of(texts)
    messages: list[Said] = []
    for number, text in enumerate(texts, 1):
        side: Side = ""
        if handle:
            match = HANDLE.match(text)
            is_addressed = match is not None and match["handle"] == handle
            side = "customer" if number == 1 or is_addressed else "agent"
            if is_addressed and match is not None:
                text = text[match.end() :].lstrip(" ,:;.-")
        messages.append(Said(f"{origin}/{number}", text, side=side, told_by="handle"))
    return messages


def company_of(texts: Sequence[str]) -> str:
    """The handle that turns begin with; empty where nothing looks like one."""
    begun = [match["handle"] for text in texts if (match := HANDLE.match(text))]
    counts = Counter(begun)
    likely = [
        handle
        for handle, n in counts.most_common()
        if LIKE_HANDLE.search(handle) or (n >= LEAST and not handle.istitle())
    ]
    return max(likely, key=lambda handle: counts[handle], default="")
