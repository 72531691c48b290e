"""Section: the files of one split inside a folder or an archive, read as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tunesmith.data.files.located import shown


@dataclass(frozen=True, slots=True)
class Section:
    """The labelled texts of a folder, or the members of an archive, that belong to one split."""

    path: Path
    split: str

    def __str__(self) -> str:
        return f"{shown(self.path)}!{self.split}"


DataFile = Path | Section
"""What is read as one: a file, or a section of a folder or of an archive."""
