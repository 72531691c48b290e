"""Marks: links, mentions and the signatures of agents in short messages."""

from __future__ import annotations

import re
from typing import Literal

from tunesmith.synthesize.dialogues.said import Side

Links = Literal["mark", "remove", "keep"]
Mentions = Literal["remove", "mark", "keep"]
LINK = "<link>"
URL = re.compile(
    r"(?:https?://|(?<![\w@.])www\.)[^\s<>\"'，。！？；、）】》\u4e00-\u9fff]+"
    r"|(?<![\w@./-])(?:pic\.twitter\.com|t\.co|bit\.ly)/\w+",
    re.I,
)
MARKED = re.compile(r"<\s*(?:link|url|http|https)\s*>", re.I)
BEHIND_URL = re.compile(r"[.,;:!?)\]}…]+$")
REPEATED = re.compile(r"<link>(?:\s*<link>)+")
MARKDOWN = re.compile(r"!?\[([^\[\]\n]{0,200})\]\((?:https?://[^\s)]+|<link>)\)")
MENTION = re.compile(
    r"(?<![A-Za-z0-9À-ɏ_.+/@-])@(?!\d{1,2}(?:[ap]m|h)?\b)"
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?:@[\w.-]+\w)?"
    r"|[\w-]*[\u3040-\u30ff\u4e00-\u9fff][\w-]{0,9}(?=[\s:：,，]|$))"
    r"|<@[UW]\w+(?:\|[^>]*)?>"
)
"""``@name`` but no mail address and no hour; in Chinese up to the next space."""
IN_SENTENCE = re.compile(r"[\w'’,&]\s\Z")
SPLIT_BEFORE = re.compile(r"\d/\d[)\]]?\s\Z")
"""A piece of a message ends before it, so that it addresses somebody."""
ADDRESSEES = re.compile(rf"\A(?:[\s.]*(?:{MENTION.pattern}))+")
SPACES = re.compile(r" {2,}")
BEFORE_STOP = re.compile(r" +(?=[,.!?;:](?:\s|$))")
LEADING = re.compile(r"^(?:\s|[.,:;-](?=\s))*")
BEHIND = r"\s*(?P<behind>(?:<link>\s*|[(\[]?\d/\d[)\]]?\s*)*)$"
"""What may stand behind a signature."""
LONGEST_ENDING = 120
"""Characters looked at for a signature, with the links behind it."""
BEFORE = r"(?:\s|^|(?<=[.!?…，。！？)]))"
INITIALS = re.compile(
    BEFORE + r"(?P<mark>[/*~\u2013\u2014-])\s?(?:[A-Z]{2,3}|[A-Z]\.?[A-Z]\.?)" + BEHIND
)
CARET = re.compile(BEFORE + r"\^ ?(?:[A-Za-z]{1,4}|[A-Z][\w.]{1,15})(?=\s|$)")
NAMED = re.compile(
    r"(?:\s|(?<=[.!?…，。！？)]))(?P<mark>[/*~\u2013\u2014-])\s?"
    r"[A-Z][a-zà-ÿ]{1,14}(?:[ -][A-Z](?:[a-zà-ÿ]{1,14}|\.)?)?\.?" + BEHIND
)
NO_NAMES = frozenset(
    "thanks cheers sorry please great perfect yes no ok okay sure absolutely regards best enjoy "
    "welcome hello hi hey goodbye bye done correct right agreed understood noted good wonderful "
    "excellent awesome fantastic brilliant lovely indeed true false wow hmm ugh congrats apologies "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december here there now today tomorrow windows "
    "android iphone ipad mac apple google amazon facebook twitter internet wifi email phone".split()
)


def settle_links(text: str, links: Links) -> str:
    """Links as ``<link>``, or taken out, or left; ``<LINK>`` and ``<url>`` are links too."""
    if links == "keep":
        return text
    if "](" in text:
        text = MARKDOWN.sub(lambda m: f"{m[1]} {LINK}".strip(), text)
    if "." in text or "://" in text:
        text = URL.sub(_marked, text)
    if "<" in text:
        text = REPEATED.sub(LINK, MARKED.sub(LINK, text))
        if links == "remove":
            text = _close_up(text.replace(LINK, " ")).strip()
    return text


def _marked(match: re.Match[str]) -> str:
    behind = BEHIND_URL.search(match[0])
    return LINK + (behind[0] if behind else "")


def settle_mentions(text: str, mentions: Mentions, side: Side) -> str:
    """``@names`` taken out where they address somebody; or all as ``<agent>``, ``<customer>``.

    One that is a word of its sentence (``I cannot reach @Acme``) is never just taken out: it
    becomes ``<agent>`` or ``<customer>``, the one spoken to.
    """
    if mentions == "keep" or "@" not in text:
        return text
    spoken_to = "<customer>" if side == "agent" else "<agent>"
    if mentions == "mark":
        return MENTION.sub(spoken_to, text)

    def settled(match: re.Match[str]) -> str:
        before = match.string[: match.start()][-6:]
        is_word = IN_SENTENCE.search(before) and not SPLIT_BEFORE.search(before)
        return spoken_to if is_word else " "

    found = MENTION.sub(settled, ADDRESSEES.sub("", text))
    return text if found == text else LEADING.sub("", _close_up(found))


def _close_up(text: str) -> str:
    """Without the spaces that something left behind."""
    return BEFORE_STOP.sub("", SPACES.sub(" ", text))


def without_signature(text: str, side: Side) -> str:
    """An agent's text without ``^AB``, and without ``/JK`` or ``-Anna`` at its end."""
    if side != "agent":
        return text
    if "^" in text:
        text = CARET.sub("", text)
    for pattern in (INITIALS, NAMED):
        match = pattern.search(text, max(0, len(text) - LONGEST_ENDING))
        if match and not _is_word(match) and not _is_item(match):
            text = f"{text[: match.start()].rstrip()} {match['behind'].strip()}".strip()
    return text


def _is_word(match: re.Match[str]) -> bool:
    """Whether it says something, and is no name."""
    said = match[0].strip().lstrip(match["mark"]).strip()
    return re.split(r"[\s.-]", said)[0].lower() in NO_NAMES


def _is_item(match: re.Match[str]) -> bool:
    """Whether it is the last line of a list."""
    lines = match.string.rstrip().split("\n")
    begun = [line for line in lines if line.lstrip().startswith(match["mark"])]
    return len(begun) > 1 and lines[-1] == begun[-1]
