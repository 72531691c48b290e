"""Tracker: is told of every step and evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.core.part import Part


class Tracker(Part):
    """Shows or keeps a run's figures. ``open`` gives the object that does so for one run."""

    def require_library(self) -> None:
        """Checks that the library behind it is there; asked before anything is loaded.

        Raises:
            MissingExtraError: it is not.
        """

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to track.

        Args:
            folder: the run's directory.
            n_steps: steps of the whole run.
            from_step: the last step that was done before, when resumed; -1: nothing was.
        """
        raise NotImplementedError


class OpenTracker:
    """What a tracker does during one run; every method may be left as it is."""

    def step(self, values: dict[str, Any]) -> None:
        """One step is done: ``step``, ``loss``, ``lr``, ``n_tokens``, ``seconds`` and more."""

    def evaluation(self, values: dict[str, Any]) -> None:
        """The model was evaluated: ``step``, ``eval_loss``, ``seconds`` and more."""

    def samples(self, step: int, samples: list[dict[str, Any]]) -> None:
        """Held-out rows were answered: ``origin``, ``prompt``, ``answer``, ``reference``."""

    def close(self, *, finished: bool) -> None:
        """The run ended: at its end, or stopped before it."""


def points(kind: str, values: dict[str, Any]) -> dict[str, float]:
    """The numbers of one step or evaluation by the names they are drawn under.

    Args:
        kind: ``train`` or ``eval``; comes before every name.
        values: what a tracker is told.
    """
    found = {
        f"{kind}/{name.removeprefix('eval_')}": float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and name not in ("step", "seconds")
    }
    if kind == "train" and "seconds" in values:
        found["train/tokens_per_s"] = values["n_tokens"] / max(values["seconds"], 1e-9)
    return found


def as_markdown(sample: dict[str, Any]) -> str:
    """One answered row as text with headings."""
    said = "Answer (cut at the token limit)" if sample.get("is_cut") else "Answer"
    parts = {"Prompt": "prompt", said: "answer", "Reference answer": "reference"}
    return "\n\n".join(f"**{title}**\n\n{sample[key]}" for title, key in parts.items())
