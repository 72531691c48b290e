"""Card: the README.md of an exported model, with data, settings and scores."""

from __future__ import annotations

from typing import Any

from tunesmith.model.artifact import ArtifactInfo

BESIDE = ("_fraction", "mean_words")
"""What stands beside scores; scores of single classes have a slash in their names."""


def merged_card(
    *,
    info: ArtifactInfo | None,
    source: str,
    dtype: str,
    summary: dict[str, Any] | None,
    scores: dict[str, Any] | None,
    recipe_yaml: str | None,
) -> str:
    """A model card in Markdown; what is not known is left out.

    Args:
        info: where the weights come from.
        source: the adapter that was merged.
        dtype: type of the written weights.
        summary: of the run.
        scores: by model, where the run was evaluated.
        recipe_yaml: the resolved recipe.
    """
    lines = ["---", "library_name: transformers", "tags: [tunesmith]"]
    if info is not None:
        lines.append(f"base_model: {info.base_path}")
    lines += ["---", "", "# A tuned model", ""]
    if info is not None:
        lines += [
            f"`{info.base_path}`, tuned with `{info.method}` for the task `{info.task}` and merged "
            f"in {dtype}.",
            "",
            f"Prompts were written with the template `{info.template['name']}`; "
            "ask it the same way.",
            f"Fingerprint of the base weights: `{info.base_fingerprint}`.",
        ]
    else:
        lines += [f"Merged in {dtype} from the adapter `{source}`."]
    if summary is not None:
        ledger = summary["ledger"]["train"]
        lines += [
            "",
            "## Training",
            "",
            f"- {summary['steps']} steps, {summary['seconds']} s",
            f"- evaluation loss {_number(summary['eval_loss_first'])} before, "
            f"{_number(summary['eval_loss_model'])} after",
            f"- {ledger['read']} training rows read: {ledger['kept']} kept, {ledger['cut']} cut, "
            f"{ledger['dropped']} dropped, {ledger['rejected']} rejected",
        ]
    if scores is not None:
        rows = {k: v for k, v in scores.items() if isinstance(v, dict)}
        known = dict.fromkeys(kind for row in rows.values() for kind in row)
        kinds = [k for k in known if not (k.endswith(BESIDE) or "/" in k)]
        lines += ["", f"## Scores on {scores['n']} rows of `{scores['split']}`", ""]
        lines += ["| model | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
        for name, row in rows.items():
            lines.append(f"| {name} | " + " | ".join(_score(row.get(k)) for k in kinds) + " |")
    if recipe_yaml is not None:
        lines += ["", "## Recipe", "", "```yaml", recipe_yaml.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
