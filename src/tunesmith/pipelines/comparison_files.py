"""Comparison files: how what a comparison found lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.core.runs import Run
from tunesmith.pipelines.compared_folder import COMPARISON
from tunesmith.pipelines.comparison_html import write_html
from tunesmith.pipelines.comparison_page import markdown

PAGE = "comparison.md"


def keep_result(folder: Path, result: dict[str, Any]) -> None:
    """Writes figures and pages, each whole or not at all; the examples are there already.

    Args:
        folder: of the comparison.
        result: what it found.

    Raises:
        RunError: they cannot be written.
    """
    run = Run(folder)
    run.write(COMPARISON, result)
    run.write_text(PAGE, markdown(result))
    write_html(folder, result)
