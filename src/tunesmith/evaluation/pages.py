"""Pages: what every page of figures is rendered in."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tunesmith.evaluation.figures import FILTERS


def page_environment(*folders: Path) -> Environment:
    """What pages are rendered in: all that comes from data or models is escaped.

    Args:
        folders: of templates.
    """
    page = Environment(
        loader=FileSystemLoader(folders, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= FILTERS
    return page
