"""Preview page: the first examples token by token, as one HTML file that loads nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from tunesmith.core.errors import DataError

HERE = Path(__file__).parent


def write_page(result: dict[str, Any], title: str, file: str | Path) -> None:
    """Writes the page of a preview.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        # Paths from the file system may hold lone surrogates, which UTF-8 cannot write.
        Path(file).write_bytes(preview_page(result, title).encode("utf-8", "replace"))
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({error.strerror}).") from None


def preview_page(result: dict[str, Any], title: str) -> str:
    """The page of what :func:`tunesmith.pipelines.preview.preview` found.

    Args:
        result: what it returned.
        title: names the recipe.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string((HERE / "preview.html.j2").read_text("utf-8"))
    return page.render(
        title=title, result=result, examples=[_laid_out(e) for e in result["examples"]]
    )


def _laid_out(example: dict[str, Any]) -> dict[str, Any]:
    """An example with its tokens gathered by run, each with its text, id and place."""
    runs: list[dict[str, Any]] = []
    for run in example["runs"]:
        places = range(run["first"], run["first"] + run["n_tokens"])
        runs.append(
            {
                **run,
                "tokens": [
                    {"text": example["tokens"][i], "id": example["input_ids"][i], "place": i}
                    for i in places
                ],
            }
        )
    learnt = sum(weight > 0 for weight in example["weights"])
    return {**example, "runs": runs, "n_tokens": len(example["input_ids"]), "n_learnt": learnt}
