"""Draft: what a teacher wrote about a passage, before anybody has judged it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """A request and its answer."""

    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One pair, dialogue, summary, question or labelled text."""

    kind: str
    """Name of the kind that it was asked for, a key of ``KINDS``."""
    turns: tuple[Turn, ...]
    """One, or several of a dialogue; none of a labelled text."""
    quotes: tuple[str, ...] = ()
    """Stretches of the passage that it rests on, as the teacher copied them."""
    style: str = ""
    """What sort of question it is: ``fact``, ``how``, ``comparison``, ``negative`` ..."""
    label: str = ""
    """Of a labelled text, whose text is its quote."""
    rejected: str = ""
    """Of a preference pair: the answer that the passage does not bear out."""

    @property
    def has_content(self) -> bool:
        """Whether anything was written; nothing was where an item could not be used."""
        return bool(self.turns or self.quotes or self.label)
