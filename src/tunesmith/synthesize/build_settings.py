"""Build settings: what a dataset is made of its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.prompts.prompts import SAME

DECIDES_ROWS = ("kinds", "language", "prompts", "budget", "temperature", "seed", "verifies")


@dataclass(frozen=True)
class BuildSettings:
    """How documents are read, what is asked about them, and how it is written."""

    kinds: Sequence[Kind]
    language: str = SAME
    """Of the rows: ``same`` as the document, or two letters."""
    prompts: Path | None = None
    """Folder with prompts of one's own."""
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    eval_fraction: float = 0.1
    """Of all characters, by whole documents."""
    seed: int = 0
    temperature: float = 0.0
    verifies: bool = True
    """Whether the teacher is asked again, with the source, about every draft."""
    format: str = "messages"
    """Of instructions: ``messages``, ``alpaca`` or ``sharegpt``."""
    n_processes: int = 2

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "kinds": [kind.model_dump(mode="json") for kind in self.kinds],
            "language": self.language,
            "prompts": str(self.prompts) if self.prompts else None,
            "budget": f"{self.budget.limit} {self.budget.unit}",
            "eval_fraction": self.eval_fraction,
            "seed": self.seed,
            "temperature": self.temperature,
            "verifies": self.verifies,
            "format": self.format,
        }


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is another now that decides rows, in words; nothing before: nothing changed."""
    return [
        f"{key} was {_shown(before[key])} and is {_shown(now[key])}"
        for key in DECIDES_ROWS
        if key in before and before[key] != now[key]
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, dict):
        rest = {k: v for k, v in value.items() if k != "name" and v not in (None, False, [])}
        told = ", ".join(f"{k} {_shown(v)}" for k, v in rest.items() if k != "styles")
        return f"{value['name']} ({told})" if told else str(value["name"])
    return str(value)
