"""Report: a run's files -> its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tunesmith.core.runs import (
    LEDGER,
    LOCK,
    METRICS,
    PERPLEXITY,
    PREDICTIONS,
    RECIPE,
    REPORT,
    SAMPLES,
    SCORES,
    Run,
)
from tunesmith.evaluation.confusion import Confusion, confusion
from tunesmith.evaluation.figures import in_text
from tunesmith.evaluation.measures import Measures, measures_of
from tunesmith.evaluation.report import (
    LOSS_OF_OTHERS,
    LOSS_OF_TOKENS,
    Curve,
    Example,
    ModelScores,
    Report,
    Sample,
    render_report,
)
from tunesmith.recipe import load_recipe

NOTES = {
    "constant": "the best answer that never looks at the prompt",
    "base": "before tuning",
    "tuned": "after tuning",
}
ROADS = {
    "head": "by its head",
    "likelihood": "by the likelihood of each answer",
    "generate": "by what it writes",
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
    by_model = {name: row for name, row in scores.items() if isinstance(row, dict)}
    measures = measures_of(recipe.evaluate.metrics or recipe.task.metrics or ["rouge"])
    compared = _compared(by_model, measures)
    perplexity = run.read(PERPLEXITY) if (run.path / PERPLEXITY).is_file() else None
    predictions = run.lines(PREDICTIONS)
    page = render_report(
        Report(
            title=run.path.resolve().name,
            headline=_foretold(perplexity) or _headline(summary, scores, measures, compared),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            models=[_model(name, row, scores["n"], measures) for name, row in by_model.items()],
            train_loss=curve(lines, "train", "train", "loss"),
            eval_loss=curve(lines, "eval", "eval", "eval_loss"),
            learning_rate=curve(lines, "lr", "train", "lr"),
            examples=[
                _example(e, measures.verdict, compared)
                for e in predictions[: recipe.evaluate.n_shown]
            ],
            ledger=run.read(LEDGER),
            samples=_samples(run.lines(SAMPLES)),
            facts=facts(summary, recipe.model.path, recipe.method.name)
            + _threshold(scores, compared),
            recipe_yaml=(run.path / RECIPE).read_text("utf-8"),
            versions=lock["versions"],
            lock={key: value for key, value in lock.items() if key != "versions"},
            measures=measures,
            loss_about=LOSS_OF_TOKENS if recipe.loss.name == "tokens" else LOSS_OF_OTHERS,
            compared=compared,
            confusion=_confusion(predictions, recipe.task.classes, compared),
            perplexity=perplexity,
        )
    )
    run.write_text(REPORT, page)


def _compared(by_model: dict[str, Any], measures: Measures) -> tuple[str, str]:
    """The tuned model by the road it was tuned for, and the base by the one that suits it best."""
    tuned = next((name for name in by_model if name.partition("/")[0] == "tuned"), "tuned")
    found = {
        name: row.get(measures.verdict)
        for name, row in by_model.items()
        if name.partition("/")[0] == "base"
    }
    best = measures.best(list(found.values()), measures.verdict)
    return next((name for name, value in found.items() if value == best), "base"), tuned


def _foretold(perplexity: dict[str, Any] | None) -> str:
    """What tuning changed of how running text is foretold; empty where it was not measured."""
    models = {} if perplexity is None else perplexity["models"]
    if perplexity is None or not {"base", "tuned"} <= models.keys():
        return ""
    before, after = (models[name]["perplexity"] for name in ("base", "tuned"))
    return (
        f"Tuning took the perplexity of the {perplexity['split']} text from {before:,.2f} to "
        f"{after:,.2f} per token."
    )


def _headline(
    summary: dict[str, Any],
    scores: dict[str, Any],
    measures: Measures,
    compared: tuple[str, str],
) -> str:
    base, tuned = (scores.get(name, {}).get(measures.verdict) for name in compared)
    words = in_text(measures.headings.get(measures.verdict, measures.verdict))
    where = f"on {scores.get('n')} {scores.get('split')} rows"
    constant = scores.get("constant", {}).get(measures.verdict)
    if tuned is not None and base is not None:
        told = f"The tuned model scores {tuned:.2f} {words} {where}; its base scores {base:.2f}"
        if constant is None or measures.best([base, constant], measures.verdict) != constant:
            return f"{told}."
        return f"{told}, always the same answer {constant:.2f}."
    if tuned is not None and constant is not None:
        return (
            f"The tuned model scores {tuned:.2f} {words} {where}; always the same answer scores "
            f"{constant:.2f}."
        )
    first, kept = summary["eval_loss_first"], summary["eval_loss_model"]
    if first is None or kept is None:
        return f"Tuned in {summary['steps']} steps; nothing was held out to judge it by."
    return (
        f"Tuning took the evaluation loss from {first:.3f} to {kept:.3f} in "
        f"{summary['steps']} steps."
    )


def _model(name: str, row: dict[str, Any], n: int, measures: Measures) -> ModelScores:
    model, _, road = name.partition("/")
    note = ", ".join(filter(None, (NOTES.get(model, ""), ROADS.get(road, ""))))
    # Only what is written can be cut; the constant answer stands beside texts alone.
    is_written = road == "generate" or (not road and "mean_words" in row)
    return ModelScores(
        name="constant answer" if name == "constant" else name,
        note=note,
        scores={score: row.get(score) for score in measures.headings},
        cut_fraction=row["cut_fraction"] if is_written else None,
        mean_words=row.get("mean_words"),
        n=n,
        unread_fraction=row.get("unread_fraction"),
    )


def curve(lines: list[dict[str, Any]], name: str, kind: str, key: str) -> Curve | None:
    """One figure of ``metrics.jsonl`` over the steps; None where no line of the kind has it."""
    points = [(e["step"], e[key]) for e in lines if e["kind"] == kind and key in e]
    return Curve(name, points) if points else None


def _example(entry: dict[str, Any], verdict: str, compared: tuple[str, str]) -> Example:
    answers = {k: v for k, v in entry["answers"].items() if k != "constant"}
    return Example(
        origin=entry["origin"],
        prompt=entry["prompt"],
        reference=entry["reference"],
        answers={name: answer["text"] for name, answer in answers.items()},
        cut={name: answer["cut"] for name, answer in answers.items()},
        scores={name: answer[verdict] for name, answer in answers.items() if verdict in answer},
        compared=compared,
        rejected=entry.get("rejected", ""),
        marked=[(start, end) for start, end in entry.get("marked", ())],
    )


def _confusion(
    predictions: Sequence[dict[str, Any]], classes: Sequence[str], compared: tuple[str, str]
) -> Confusion | None:
    """The tuned model's answers by class, or the base model's where it stands alone."""
    base, tuned = compared
    answers = [(entry["reference"], entry["answers"]) for entry in predictions]
    model = next((name for name in (tuned, base) if answers and name in answers[0][1]), None)
    if not classes or model is None:
        return None
    return confusion(model, classes, [(right, said[model]["answer"]) for right, said in answers])


def _samples(lines: list[dict[str, Any]]) -> list[Sample]:
    """Each sampled row with its answers from first to last."""
    found: dict[tuple[str, str], Sample] = {}
    for line in lines:
        key = (line["origin"], line["prompt"])
        sample = found.setdefault(key, Sample(*key, line["reference"] or "", []))
        sample.answers.append((line["step"], line["answer"], line["is_cut"]))
    return list(found.values())


def _watched(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The best evaluation, and what was forgotten."""
    found: list[tuple[str, str]] = []
    if summary["best_step"] is not None:
        value = f"{summary['best_value']:.4f} at step {summary['best_step']:,}"
        found += [
            (f"best {summary['best_metric']}", value),
            ("weights kept", f"those of step {summary['model_step']:,}"),
        ]
    if forgetting := summary["forgetting"]:
        before, after = forgetting["perplexity_before"], forgetting["perplexity_after"]
        found.append(
            (
                "perplexity on general text",
                f"{before:.2f} → {after:.2f} ({forgetting['rise']:+.1%})",
            )
        )
    return found


def facts(summary: dict[str, Any], model: str, method: str) -> list[tuple[str, str]]:
    """What a run was and took, as (label, value) ready to read."""
    return [
        ("model", model),
        ("method", f"{method}, {summary['trainable_parameters']:,} weights trained"),
        ("steps", f"{summary['steps']:,}"),
        ("ended", summary["stopped"]),
        *_watched(summary),
        *_arithmetic(summary),
        ("training time", f"{summary['seconds']:,.0f} s"),
        ("speed", f"{summary['tokens_per_s']:,.0f} tokens/s"),
        ("peak memory", f"{summary['peak_memory_mb']:,.0f} MB"),
    ]


def _arithmetic(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The type of the arithmetic, and what rounding of frozen products does; of older runs none."""
    precision, rounding = summary.get("precision"), summary.get("frozen_products")
    found = [] if precision is None else [("arithmetic", precision["name"])]
    if rounding is not None:
        apart = f"{rounding['loss_difference']:+.1e}"
        found.append(("frozen products", f"eight bits; the first loss differs by {apart}"))
    return found


def _threshold(scores: dict[str, Any], compared: tuple[str, str]) -> list[tuple[str, str]]:
    """The threshold that would be best for "no answer" on the rows that were scored."""
    row = scores.get(compared[1], {})
    if "best_null_threshold" not in row:
        return []
    value = f"{row['best_null_threshold']:.3f}, which gives F1 {row['best_f1']:.3f}"
    return [("best threshold for no answer", value)]
