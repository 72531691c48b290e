"""Said: one message of an export, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["agent", "customer", "automatic", ""]
"""Who speaks: the company, the one who asks, nobody (a note, a notice), or not known yet."""
Moment = tuple[float | None, float | None]
"""Seconds since 1970, month first and day first where a date can be read both ways."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message, as its export has it."""

    origin: str
    """``file:line``."""
    text: str
    conversation: str = ""
    """As the source calls it; empty: told by what it replies to."""
    speaker: str = ""
    """Name or number of the one who writes."""
    side: Side = ""
    told_by: str = ""
    """What told the side: ``flag`` or ``word``."""
    moment: Moment = (None, None)
    has_time: bool = False
    """A time was given, readable or not."""
    order: float | None = None
    """Its place, where the source numbers its messages."""
    id: str = ""
    parent: str = ""
    """The message that it replies to."""
