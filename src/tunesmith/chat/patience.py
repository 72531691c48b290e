"""Patience: how long a hosted model is waited for, and what becomes of a request in the end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, and how often a request is tried."""

    tries: int = 8
    """Of one request, where the fault may pass; waits for a limit do not count."""
    first_wait_s: float = 0.5
    """Before the second try; doubled each time, and drawn between half of it and all."""
    longest_wait_s: float = 30.0
    idle_s: float = 60.0
    """A connection that says nothing for so long is given up."""
    answer_s: float = 600.0
    """One answer, from its first to its last byte."""
    park_s: float = 120.0
    """A wait longer than this ends the job, which can go on later."""
    limited_s: float = 900.0
    """Of one request, all waits for a limit together, before the job is ended the same way."""
    down_after: int = 8
    """Requests given up one after the other, with none answered between: the endpoint is down."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was given up."""

    reason: str
    may_pass: bool
    """Whether asking again later makes sense."""
