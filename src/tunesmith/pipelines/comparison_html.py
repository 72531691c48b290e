"""Comparison page: the files of a comparison -> ``comparison.html``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.core.runs import Run
from tunesmith.evaluation.comparison.page import Compared, render_page
from tunesmith.pipelines.compared_folder import EXAMPLES
from tunesmith.pipelines.compared_runs import compared_runs
from tunesmith.pipelines.comparison_page import notes
from tunesmith.pipelines.preferences_by_example import PREFERENCES

HTML = "comparison.html"


def write_html(folder: Path, result: Mapping[str, Any], examples: str = EXAMPLES) -> None:
    """Writes the page beside the other files of a comparison.

    Args:
        folder: of the comparison, where its examples are.
        result: what :func:`tunesmith.pipelines.compare.compare` gives.
        examples: name of the file with the examples.

    Raises:
        RunError: the page cannot be written, or a run that was compared is broken.
    """
    run = Run(folder)
    page = render_page(
        Compared(
            result,
            run.lines(examples),
            notes(result),
            compared_runs(result["request"]["models"], result.get("places")),
            run.lines(PREFERENCES),
        )
    )
    run.write_text(HTML, page)
