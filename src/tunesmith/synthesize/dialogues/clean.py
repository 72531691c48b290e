"""Clean: one conversation's messages -> turns that take their order, ready to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from tunesmith.synthesize.dialogues.automatic import is_notice
from tunesmith.synthesize.dialogues.endings import without_endings
from tunesmith.synthesize.dialogues.mail import without_footers, without_quotes
from tunesmith.synthesize.dialogues.marks import (
    Links,
    Mentions,
    settle_links,
    settle_mentions,
    without_signature,
)
from tunesmith.synthesize.dialogues.markup import plain_text
from tunesmith.synthesize.dialogues.masks import Masks
from tunesmith.synthesize.dialogues.people import People
from tunesmith.synthesize.dialogues.said import Said, Side
from tunesmith.synthesize.dialogues.space import even_space
from tunesmith.synthesize.dialogues.split_marks import joined_parts, without_inner_marks

MOST_ROUNDS = 8
"""Taking one thing off may bring another to the end; mostly the second round changes nothing."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is done to the texts."""

    links: Links = "mark"
    mentions: Mentions = "remove"
    keep_personal: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says at a stretch."""

    side: Side
    text: str
    origins: tuple[str, ...]
    """Places of the messages it is made of."""


@dataclass(slots=True)
class Cleaned:
    """A conversation's turns, and what became of the messages that are in none."""

    turns: list[Turn]
    extra: list[str] = field(default_factory=list[str])
    """Further texts, such as summaries, cleaned and masked with the conversation."""
    dropped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Reason and place."""
    n_masked: Counter[str] = field(default_factory=Counter[str])


def clean_text(text: str, side: Side, cleaning: Cleaning) -> str:
    """One text, cleaned until nothing more changes."""
    for _ in range(MOST_ROUNDS):
        before = text
        text = even_space(plain_text(text))
        text = even_space(without_footers(without_quotes(text)))
        text = settle_links(text, cleaning.links)
        text = settle_mentions(text, cleaning.mentions, side)
        text = even_space(without_inner_marks(without_signature(text, side)))
        if text == before:
            break
    return text


def clean_conversation(
    messages: Sequence[Said],
    cleaning: Cleaning,
    *,
    extra: Sequence[str] = (),
    companies: Iterable[str] = (),
) -> Cleaned:
    """Cleans, joins and masks the messages of one conversation.

    Args:
        messages: in order, each with its side.
        cleaning: what is done.
        extra: further texts on the same persons, such as summaries.
        companies: names that are no persons'.
    """
    cleaned = Cleaned([])
    turns: list[Turn] = []
    for message in messages:
        turn = Turn(message.side, message.text, (message.origin,))
        if message.side == "automatic":
            cleaned.dropped.append(("an automatic message or a note", message.origin))
        elif not message.text.strip():
            cleaned.dropped.append(("no text", message.origin))
        else:
            turns.append(turn)
    people = People((message.speaker for message in messages), companies)
    texts = [even_space(plain_text(text)) for text in extra]
    for _ in range(MOST_ROUNDS):
        settled = _cleaned(turns, cleaning, cleaned)
        joined = _joined(_without_repeats(settled, cleaned))
        turns, texts = _masked(joined, texts, cleaning, people, cleaned)
        if [turn.text for turn in turns] == [turn.text for turn in settled]:
            break  # nothing was joined or masked that would have to be looked at again
    cleaned.turns, cleaned.extra = turns, texts
    return cleaned


def _masked(
    turns: list[Turn], texts: list[str], cleaning: Cleaning, people: People, told: Cleaned
) -> tuple[list[Turn], list[str]]:
    """Turns and further texts without personal data; what was masked is counted."""
    if cleaning.keep_personal:
        return turns, texts
    people.read(texts)
    people.read(turn.text for turn in turns if turn.side == "customer")
    people.read((turn.text for turn in turns if turn.side == "agent"), by_agent=True)
    masks = Masks([*(turn.text for turn in turns), *texts], people)
    turns = [replace(turn, text=masks.masked(turn.text)) for turn in turns]
    texts = [masks.masked(text) for text in texts]
    told.n_masked.update(masks.n_masked)
    return turns, texts


def _cleaned(turns: Sequence[Turn], cleaning: Cleaning, told: Cleaned) -> list[Turn]:
    """Turns with something in them; notices and empty ones are told."""
    kept: list[Turn] = []
    for turn in turns:
        text = clean_text(turn.text, turn.side, cleaning)
        if not text:
            told.dropped += [("nothing left after cleaning", place) for place in turn.origins]
        elif is_notice(text):
            reason = "an automatic message or a note"
            told.dropped += [(reason, place) for place in turn.origins]
        else:
            kept.append(replace(turn, text=text))
    agents = [place for place, turn in enumerate(kept) if turn.side == "agent"]
    for place, text in zip(agents, without_endings([kept[n].text for n in agents]), strict=True):
        kept[place] = replace(kept[place], text=text or kept[place].text)
    return kept


def _without_repeats(turns: Sequence[Turn], told: Cleaned) -> list[Turn]:
    """Turns that do not say once more what the one before says."""
    kept: list[Turn] = []
    for turn in turns:
        if kept and (kept[-1].side, kept[-1].text) == (turn.side, turn.text):
            told.dropped += [("repeats the message before", place) for place in turn.origins]
        else:
            kept.append(turn)
    return kept


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Turns in a row by one side as one."""
    joined: list[Turn] = []
    for _, run in groupby(turns, key=lambda turn: turn.side):
        parts = list(run)
        texts = [part.text for part in parts]
        text = joined_parts(texts) or "\n".join(texts)
        joined.append(replace(parts[0], text=text, origins=sum((p.origins for p in parts), ())))
    return joined
