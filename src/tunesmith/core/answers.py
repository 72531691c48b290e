"""Answer: what a task says of an example, whichever road it came by."""

from __future__ import annotations

Answer = str | tuple[str, ...] | float | None
"""Text, or the name of a class; several classes; a number; None: what a model said cannot be read
as an answer."""
