"""Own files: how a metric in a file of the user's is named; nothing is loaded here."""

from __future__ import annotations

from pathlib import Path


def is_own(name: str) -> bool:
    """Whether a metric's name is a file of the user's, ``FILE.py`` or ``FILE.py:FUNCTION``."""
    return file_of(name).endswith(".py")


def file_of(name: str) -> str:
    """The file of ``FILE.py:FUNCTION``; a metric's name as it is."""
    file, sign, function = name.rpartition(":")
    return file if sign and file.endswith(".py") and function.isidentifier() else name


def beside(name: str, folder: Path) -> str:
    """The name of a metric in which a file's relative path is taken from a folder.

    Args:
        name: as a recipe has it.
        folder: of the recipe.
    """
    if not is_own(name):
        return name
    file = file_of(name)
    return f"{(folder / Path(file).expanduser()).absolute()}{name.removeprefix(file)}"
