"""Published: TweetSumm's dialogues, whose turns and summaries come in one record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tunesmith.data.formats.tweetsumm_layouts import Dialogue
from tunesmith.synthesize.dialogues.said import Said, Side

SIDES: Mapping[str, Side] = {"user": "customer", "agent": "agent"}
HANDLE = re.compile(r"\W*@?(?P<handle>[A-Za-z]\w{1,30})\b")
LEAST = 2
"""Turns that begin with the company's handle."""
LIKE_HANDLE = re.compile(r"[a-z\d][A-Z]|_|(?i:help|cares?|support|team)(?:s|uk|us)?$")
COMMON = frozenset(
    "the and but you your yes yeah not now what why how when where who this that it its is are "
    "was were have has had can could will would just please thanks thank hello hey well also "
    "still okay sure sorry if im ive dont for on in at we they my so do did no ok hi there their "
    "then all any some with been get got let lets never been only he she "
    "her his him be go oh as by of or up us me to an am a u ur r y lol omg ugh wow "
    "haha another after before since also".split()
)
PIECE = re.compile(
    r"(?:^(?P<a>[1-3][23])(?= [A-Z])|(?<=[\s.!?])(?P<b>[1-3][23])\s*(?:<link>\s*)?$)", re.I
)
KEYS = ("original dialog id", "new dialog id", "dialog_id", "conversation_id")


def messages_of(dialogue: Dialogue, origin: str) -> list[Said]:
    """The turns as messages.

    Where a layout does not tell who speaks, its customers do: their turns begin with the company's
    handle, as Twitter puts it there. The layouts leave its @ away, so that it looks like a word.
    """
    turns: list[tuple[Side, str]] = [
        (SIDES.get(speaker, ""), text) for speaker, text in dialogue.turns if text.strip()
    ]
    is_told = any(side for side, _ in turns)
    handle = company_of([text for side, text in turns if side != "agent"])
    messages: list[Said] = []
    for number, (told, text) in enumerate(turns, 1):
        side: Side = told
        match = HANDLE.match(text) if handle else None
        is_addressed = match is not None and match["handle"].lower() == handle
        if not is_told and handle:
            side = "customer" if number == 1 or is_addressed else "agent"
        if side == "customer" and handle:
            text = re.sub(
                rf"(?:^|(?<=\s))@?{re.escape(handle)}(?:$|\s+(?=$|[A-Z<]))", "", text, flags=re.I
            )
            match = HANDLE.match(text)
            if match and match["handle"].lower() == handle:
                text = text[match.end() :].lstrip(" ,:;.-")
        how = "word" if is_told else "handle"
        messages.append(Said(f"{origin}/{number}", text, side=side, told_by=how))
    return messages if is_told else _with_slashes(messages)


def name_of(record: Mapping[str, Any], dialogue: Dialogue) -> str:
    """The dialogue's id, where it has one."""
    found = next((record[key] for key in KEYS if isinstance(record.get(key), str)), "")
    return str(found) or dialogue.group


def company_of(texts: Sequence[str]) -> str:
    """The handle that turns begin with, in small letters; empty where nothing looks like one."""
    begun = [match["handle"] for text in texts if (match := HANDLE.match(text))]
    counts = Counter(handle.lower() for handle in begun)
    likely = {handle.lower() for handle in begun if LIKE_HANDLE.search(handle)}
    # One who is only ever addressed by a plain word, such as a shop, is so in several turns.
    likely |= {h for h, n in counts.items() if n >= LEAST and h not in COMMON}
    return max(likely, key=lambda handle: (counts[handle], handle), default="")


def _with_slashes(messages: Sequence[Said]) -> list[Said]:
    """Pieces of one message with their marks as they were: the layout has ``12`` for ``1/2``."""
    kept = list(messages)
    for place in range(len(kept) - 1):
        first, second = (PIECE.search(kept[n].text) for n in (place, place + 1))
        if not first or not second or kept[place].side != kept[place + 1].side:
            continue
        one, two = (match["a"] or match["b"] for match in (first, second))
        if one[1] == two[1] and int(two[0]) == int(one[0]) + 1 and two[0] <= two[1]:
            for n, mark in ((place, one), (place + 1, two)):
                text = kept[n].text
                at = text.find(mark) if text.startswith(mark) else text.rfind(mark)
                kept[n] = replace(kept[n], text=f"{text[:at]} {mark[0]}/{mark[1]}{text[at + 2 :]}")
    return kept
