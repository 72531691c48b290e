"""Card: a run's files -> the README.md beside its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tunesmith.core.runs import LOCK, RECIPE, SCORES, SUMMARY, Run
from tunesmith.export.card import Card, model_card
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import model_folder

README = "README.md"


def write_card(run: Run, summary: dict[str, Any] | None = None) -> None:
    """Writes the card of a run's model, anew where there is one.

    Args:
        run: it has its artefact.
        summary: of the run; None: the one in its directory.
    """
    info = ArtifactInfo.load(run.artifact)
    card = run_card(run, info, summary or run.summary, title=run.path.resolve().name)
    (run.artifact / README).write_text(model_card(card), "utf-8")


def run_card(
    run: Run,
    info: ArtifactInfo | None,
    summary: dict[str, Any] | None,
    *,
    title: str,
    merged: str | None = None,
) -> Card:
    """What a run's directory tells of its model.

    Args:
        run: its directory, which may be none.
        info: what stands beside the weights.
        summary: of the run; None where it is no run, or none that is finished.
        title: of the card.
        merged: type of the written weights, where the adapter was merged; None: as trained.
    """
    has_scores, has_lock = ((run.path / name).is_file() for name in (SCORES, LOCK))
    return Card(
        title=title,
        info=info,
        licence=None if info is None else _licence(info),
        merged=merged,
        summary=summary,
        lock=run.read(LOCK) if has_lock and summary else None,
        scores=run.read(SCORES) if has_scores and summary else None,
        recipe_yaml=(run.path / RECIPE).read_text("utf-8") if summary else None,
    )


def finished_summary(run: Run) -> dict[str, Any] | None:
    """A run's summary; None where it is no run, or not finished."""
    return run.summary if (run.path / SUMMARY).is_file() else None


def _licence(info: ArtifactInfo) -> str | None:
    """What the base's own card names as its licence."""
    file = model_folder(info.base_path, info.base_revision, weights=False) / README
    return front_matter(file).get("license") if file.is_file() else None


def front_matter(file: Path) -> dict[str, Any]:
    """The YAML head of a Markdown file; nothing where it has none or a broken one."""
    parts = file.read_text("utf-8", "replace").split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        return {}
    try:
        found = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
