"""Finding: one thing that is wrong, or worth knowing, with its places and the next step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
PLACES_SHOWN = 5
IRREGULAR = {"have": "has", "are": "is"}
"""Of one row."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. It never holds personal data, only where that stands."""

    check: str
    """Short name, ``exact-duplicates``."""
    severity: Severity
    """``error``: training on it would go wrong."""
    count: int
    """Rows, or whatever the fact counts."""
    fact: str
    """One sentence."""
    fix: str = ""
    """The next step; empty where nothing need be done."""
    places: tuple[str, ...] = ()
    """The first few, ``file:line``."""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    """Figures behind the fact, ready for JSON."""

    def as_dict(self) -> dict[str, Any]:
        """The finding ready for JSON."""
        return {
            "check": self.check,
            "severity": self.severity,
            "count": self.count,
            "fact": self.fact,
            "fix": self.fix,
            "places": list(self.places),
            "details": self.details,
        }


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first; within a severity in the order of the checks."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def first_places(places: Iterable[str]) -> tuple[str, ...]:
    """As many places as are shown."""
    return tuple(islice(places, PLACES_SHOWN))


def rows_text(n: int, verb: str = "") -> str:
    """A number of rows in words, with a verb that fits: ``1 row has``, ``1,204 rows have``."""
    words = [f"{n:,}", "row" if n == 1 else "rows"]
    if verb:
        words.append(verb if n != 1 else IRREGULAR.get(verb, f"{verb}s"))
    return " ".join(words)
