"""Answer: what a task says of an example, whichever road it came by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = str | tuple[str, ...] | float | None
"""Text, or the name of a class; several classes; a number; None: what a model said cannot be read
as an answer."""

Road = Literal["head", "likelihood", "generate"]
"""How a model comes to an answer: by an output of its own; by which of the candidates it finds
likeliest as text; by the text that it writes."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer, and what it was chosen from."""

    answer: Answer
    weighed: tuple[tuple[str, float], ...] = ()
    """(answer, probability) of everything that was weighed, the likeliest first."""


def shown(answer: Answer) -> str:
    """An answer as text, for people and files."""
    if answer is None:
        return ""
    if isinstance(answer, tuple):
        return ", ".join(answer)
    return answer if isinstance(answer, str) else f"{answer:.6g}"
