"""The small model and the small dialogue set that are shipped inside the package."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).parent.parent / "starter" / "assets"

BUNDLED: dict[str, Path] = {
    "tunesmith-tiny": ASSETS / "tunesmith-tiny",
    "tunesmith-support": ASSETS / "tunesmith-support",
}


def bundled_path(name: str) -> Path | None:
    """The folder behind a bundled name; None for anything else, or where the name is a folder here.

    A folder of the user's own that has the same name comes first.
    """
    return None if Path(name).exists() else BUNDLED.get(name)


def recipe_path(name: str) -> Path:
    """A recipe that comes with the package: beside it when installed, in the checkout else."""
    package = Path(__file__).parent.parent
    installed = package / "recipes" / f"{name}.yaml"
    return installed if installed.is_file() else package.parent.parent / "recipes" / f"{name}.yaml"
