"""Report: a run's files -> its page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tunesmith.core.runs import (
    LEDGER,
    LOCK,
    METRICS,
    PREDICTIONS,
    RECIPE,
    REPORT,
    SCORES,
    Run,
)
from tunesmith.evaluation.report import Curve, Example, ModelScores, Report, render_report
from tunesmith.evaluation.rouge import ROUGE
from tunesmith.recipe import load_recipe

NOTES = {
    "constant": "the best answer that never looks at the prompt",
    "base": "before tuning",
    "tuned": "after tuning",
}


def write_report(run: Run) -> None:
    """Writes ``report.html`` from what is in the run's directory.

    Raises:
        RunError: the run is not finished.
    """
    summary = run.summary
    recipe = load_recipe(run.path / RECIPE)
    scores: dict[str, Any] = run.read(SCORES) if (run.path / SCORES).is_file() else {}
    lines = run.lines(METRICS)
    lock = run.read(LOCK)
    page = render_report(
        Report(
            title=run.path.resolve().name,
            headline=_headline(summary, scores),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            models=[
                _model(name, row, scores["n"])
                for name, row in scores.items()
                if isinstance(row, dict)
            ],
            train_loss=_curve(lines, "train", "train", "loss"),
            eval_loss=_curve(lines, "eval", "eval", "eval_loss"),
            learning_rate=_curve(lines, "lr", "train", "lr"),
            examples=[_example(e) for e in run.lines(PREDICTIONS)[: recipe.evaluate.n_shown]],
            ledger=run.read(LEDGER),
            facts=_facts(summary, recipe.model.path, recipe.method.name),
            recipe_yaml=(run.path / RECIPE).read_text("utf-8"),
            versions=lock["versions"],
            lock={key: value for key, value in lock.items() if key != "versions"},
        )
    )
    run.write_text(REPORT, page)


def _headline(summary: dict[str, Any], scores: dict[str, Any]) -> str:
    base, tuned = scores.get("base"), scores.get("tuned")
    if tuned and base:
        return (
            f"The tuned model scores {tuned['rougeL']:.2f} ROUGE-L on {scores['n']} "
            f"{scores['split']} rows; its base scores {base['rougeL']:.2f}."
        )
    first, kept = summary["eval_loss_first"], summary["eval_loss_model"]
    if first is None or kept is None:
        return f"Tuned in {summary['steps']} steps; nothing was held out to judge it by."
    return (
        f"Tuning took the evaluation loss from {first:.3f} to {kept:.3f} in "
        f"{summary['steps']} steps."
    )


def _model(name: str, row: dict[str, Any], n: int) -> ModelScores:
    return ModelScores(
        name="constant answer" if name == "constant" else name,
        note=NOTES.get(name, ""),
        scores={kind: row[kind] for kind in ROUGE},
        cut_fraction=row["cut_fraction"],
        mean_words=row["mean_words"],
        n=n,
    )


def _curve(lines: list[dict[str, Any]], name: str, kind: str, key: str) -> Curve | None:
    points = [(line["step"], line[key]) for line in lines if line["kind"] == kind]
    return Curve(name, points) if points else None


def _example(entry: dict[str, Any]) -> Example:
    answers = {k: v for k, v in entry["answers"].items() if k != "constant"}
    return Example(
        origin=entry["origin"],
        prompt=entry["prompt"],
        reference=entry["reference"],
        answers={name: answer["text"] for name, answer in answers.items()},
        cut={name: answer["cut"] for name, answer in answers.items()},
        scores={name: answer["rougeL"] for name, answer in answers.items()},
    )


def _facts(summary: dict[str, Any], model: str, method: str) -> list[tuple[str, str]]:
    return [
        ("model", model),
        ("method", f"{method}, {summary['trainable_parameters']:,} weights trained"),
        ("steps", f"{summary['steps']:,}"),
        ("training time", f"{summary['seconds']:,.0f} s"),
        ("speed", f"{summary['tokens_per_s']:,.0f} tokens/s"),
        ("peak memory", f"{summary['peak_memory_mb']:,.0f} MB"),
    ]
