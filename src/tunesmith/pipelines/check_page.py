"""Check page: what a check found as one HTML page that needs no network and no script."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tunesmith.core.errors import RunError
from tunesmith.core.ledger import FATES
from tunesmith.evaluation import report
from tunesmith.evaluation.histogram import histogram
from tunesmith.evaluation.pages import page_environment

SIZES = {"wide": (1040, 300), "narrow": (342, 260)}
"""Pixels of the drawing on a screen and on a phone."""


def write_page(result: dict[str, Any], title: str, file: str) -> None:
    """Writes the page.

    Args:
        result: as :func:`tunesmith.pipelines.check.check` gives it.
        title: what was checked.
        file: where to.

    Raises:
        RunError: the file cannot be written.
    """
    try:
        Path(file).expanduser().write_text(render_page(result, title), "utf-8")
    except OSError as error:
        reason = f"{file}: cannot be written ({error.strerror})."
        raise RunError(f"{reason} Name a place in a folder that exists.") from None


def render_page(result: dict[str, Any], title: str) -> str:
    """The page as text; everything that came from data is escaped."""
    page = page_environment(Path(__file__).parent, Path(report.__file__).parent)
    page.filters |= {"count": "{:,}".format}
    text = page.get_template("check.html.j2").render(
        result=result,
        title=title,
        headline=headline(result),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fates=("read", *FATES),
        charts={name: Markup(svg) for name, svg in charts(result["lengths"]).items()},
    )
    # Paths from the file system may hold lone surrogates, which UTF-8 cannot write.
    return text.encode("utf-8", "replace").decode("utf-8")


def headline(result: dict[str, Any]) -> str:
    """The verdict in one sentence."""
    found = [finding["severity"] for finding in result["findings"]]
    n_errors, n_warnings = found.count("error"), found.count("warning")
    warned = f"{n_warnings} warning{'' if n_warnings == 1 else 's'}"
    if result["ok"]:
        return f"{result['rows']:,} rows are ready for training, with {warned}."
    return (
        f"{result['rows']:,} rows are not ready for training: {n_errors} "
        f"error{'' if n_errors == 1 else 's'} and {warned}."
    )


def charts(lengths: dict[str, Any] | None) -> dict[str, str]:
    """The histogram in both sizes; empty strings without rows."""
    if lengths is None:
        return dict.fromkeys(SIZES, "")
    return {
        name: histogram(
            lengths["counts"],
            bar_width=lengths["width"],
            unit=lengths["unit"],
            open_end=lengths["open_end"],
            title=f"{lengths['unit'].capitalize()} per row",
            width=width,
            height=height,
        )
        for name, (width, height) in SIZES.items()
    }
