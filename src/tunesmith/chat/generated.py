"""Generated: one row's answer while it is written."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Generated:
    """One row's answer so far.

    Attributes:
        ids: tokens of the answer, without its end token.
        ended: whether the model or a stop text ended it, rather than the token limit.
        latency_s: from the row's admission to its end, in seconds; 0 before that.
    """

    ids: list[int] = field(default_factory=list)
    ended: bool = False
    latency_s: float = 0.0
