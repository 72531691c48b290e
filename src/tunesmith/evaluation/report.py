"""The report: a run's proof as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tunesmith.core.ledger import FATES
from tunesmith.evaluation.charts import Bar, Line, bar_chart, describe, line_chart
from tunesmith.evaluation.confusion import Confusion
from tunesmith.evaluation.figures import (
    date_text,
    difference,
    in_text,
    known,
    percent_text,
    score_text,
    signed_text,
)
from tunesmith.evaluation.gold_spans import Span, pieces
from tunesmith.evaluation.measures import Measures, measures_of
from tunesmith.evaluation.pages import page_environment

BASE, TUNED = "base", "tuned"
"""Names of the two models that are compared; others stand beside them for orientation."""
ROUGE = measures_of(["rouge"])
LOSS_OF_TOKENS = "Loss is how surprised the model is by the right text, in nats per token."
LOSS_OF_OTHERS = "Loss is what training minimises, as a mean over what is learnt."
ROW_COUNTS = ("read", *FATES)
TOKEN_COUNTS = ("tokens", "supervised_tokens", "cut_tokens")


@dataclass(frozen=True)
class Curve:
    """One quantity over the run; ``points`` are (step, value) pairs."""

    name: str
    points: list[tuple[int, float]]


@dataclass(frozen=True)
class Example:
    """One prompt and what each model made of it.

    Attributes:
        origin: file and line it came from.
        prompt: text that was put to the models.
        reference: reference answer.
        answers: by model.
        cut: by model, whether the answer ran into the token limit.
        scores: by model, the score to judge by; in [0, 1].
        compared: names of base and tuned.
        rejected: the answer that people liked less; empty where answers are not compared.
        marked: stretches of the prompt that are the reference answer.
    """

    origin: str
    prompt: str
    reference: str
    answers: dict[str, str]
    cut: dict[str, bool]
    scores: dict[str, float]
    compared: tuple[str, str] = (BASE, TUNED)
    rejected: str = ""
    marked: Sequence[Span] = ()

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The prompt, and which pieces of it are the reference answer."""
        return pieces(self.prompt, self.marked)

    @property
    def gain(self) -> float | None:
        """The score of the tuned model's answer less that of the base model's, as shown."""
        base, tuned = (self.scores.get(name) for name in self.compared)
        return difference(tuned, base, digits=2)


@dataclass(frozen=True)
class ModelScores:
    """What one model scored.

    Attributes:
        name: ``base``, ``tuned``, a road behind it, or a baseline's own name.
        note: what the model is, in a few words; may be empty.
        scores: by name; None where it was not measured.
        cut_fraction: share of answers that ran into the token limit; None: nothing was written.
        mean_words: words per answer.
        n: answers scored.
        unread_fraction: share of answers that could not be read; None: none has to be.
    """

    name: str
    note: str
    scores: dict[str, float | None]
    cut_fraction: float | None
    mean_words: float | None
    n: int
    unread_fraction: float | None = None


@dataclass(frozen=True)
class Sample:
    """One held-out row and its answers along the way.

    Attributes:
        origin: file and line it came from.
        prompt: text that was put to the model.
        reference: reference answer.
        answers: step, answer and whether it was cut, of each evaluation.
    """

    origin: str
    prompt: str
    reference: str
    answers: list[tuple[int, str, bool]]


@dataclass(frozen=True)
class Report:
    """Everything the page shows.

    Attributes:
        title: name of the run.
        headline: the verdict, one sentence.
        created: ISO date and time.
        models: rows of the score table, from top to bottom.
        train_loss: nats per supervised token, by step.
        eval_loss: likewise, on examples kept apart from training.
        learning_rate: by step.
        examples: shown in this order.
        ledger: by split, as ``Ledger.as_dict`` gives it.
        facts: (label, value) pairs about the run, ready to read.
        recipe_yaml: the resolved recipe.
        versions: by package.
        lock: hashes of data, weights, tokenizer and template.
        measures: what the scores are.
        loss_about: what the loss is, in a sentence.
        compared: names of the two models in ``models`` that are compared.
        samples: rows that were answered at every evaluation.
        confusion: answers by class, where each is one.
        perplexity: what ``perplexity.json`` holds; None where no running text was scored.
    """

    title: str
    headline: str
    created: str
    models: list[ModelScores]
    train_loss: Curve | None
    eval_loss: Curve | None
    learning_rate: Curve | None
    examples: list[Example]
    ledger: dict[str, dict[str, Any]]
    facts: list[tuple[str, str]]
    recipe_yaml: str
    versions: dict[str, str]
    lock: dict[str, str]
    measures: Measures = ROUGE
    loss_about: str = LOSS_OF_TOKENS
    compared: tuple[str, str] = (BASE, TUNED)
    samples: Sequence[Sample] = ()
    confusion: Confusion | None = None
    perplexity: dict[str, Any] | None = None


@dataclass(frozen=True)
class Cell:
    """One score in the table; ``gain`` is set in the tuned model's row only."""

    value: float | None
    gain: float | None
    is_best: bool


@dataclass(frozen=True)
class Change:
    """One figure of the base model beside the same figure of the tuned one."""

    label: str
    before: str
    after: str
    note: str


def render_report(report: Report) -> str:
    """The page, as text in UTF-8 that can be written to one file.

    Everything that came from data or models is escaped, so markup in an answer stays inert.
    """
    page = page_environment(Path(__file__).parent)
    text = page.get_template("report.html.j2").render(
        report=report,
        base=report.compared[0],
        tuned=report.compared[1],
        created=date_text(report.created),
        changes=changes(report),
        metrics=(columns := metric_columns(report.models, report.measures)),
        score_rows=score_rows(report.models, list(columns), report.measures, report.compared),
        verdict=(
            verdict := report.measures.headings.get(judged := report.measures.verdict, judged)
        ),
        verdict_in_text=in_text(verdict),
        writes=any(m.cut_fraction is not None for m in report.models),
        has_words=any(m.mean_words is not None for m in report.models),
        zip=zip,
        asks_a_head=any(m.name.endswith("/head") for m in report.models),
        unread=any(m.unread_fraction is not None for m in report.models),
        charts={name: Markup(svg) for name, svg in charts(report).items()},
        captions=[describe(c.name, c.points) for c in (report.train_loss, report.eval_loss) if c],
        splits={split: full_counts(counts) for split, counts in report.ledger.items()},
        row_counts=ROW_COUNTS,
    )
    # Paths from the file system may hold lone surrogates, which UTF-8 cannot write.
    return text.encode("utf-8", "replace").decode("utf-8")


def metric_columns(models: Sequence[ModelScores], measures: Measures = ROUGE) -> dict[str, str]:
    """Heading by metric: those any model has, the known ones first."""
    present = {
        name for model in models for name, value in model.scores.items() if value is not None
    }
    known = {name: heading for name, heading in measures.headings.items() if name in present}
    return known | {metric: metric for metric in sorted(present - known.keys())}


def score_rows(
    models: Sequence[ModelScores],
    metrics: Sequence[str],
    measures: Measures = ROUGE,
    compared: tuple[str, str] = (BASE, TUNED),
) -> list[tuple[ModelScores, list[Cell]]]:
    """The score table: best values marked, the tuned model's distance to the base in its row."""
    values = {m.name: [known(m.scores.get(metric), digits=3) for metric in metrics] for m in models}
    columns = zip(*values.values(), strict=True)
    best = [measures.best(of, name) for of, name in zip(columns, metrics, strict=False)]
    base, tuned = compared
    before = values.get(base, [None] * len(metrics))
    return [
        (
            model,
            [
                Cell(
                    value,
                    difference(value, before[i], digits=3) if model.name == tuned else None,
                    value is not None and value == best[i],
                )
                for i, value in enumerate(values[model.name])
            ],
        )
        for model in models
    ]


def changes(report: Report) -> list[Change]:
    """The figures under the headline: what tuning changed, where both models were measured."""
    by_name = {model.name: model for model in report.models}
    if not set(report.compared) <= by_name.keys():
        return []
    before, after = (by_name[name] for name in report.compared)
    found = []
    for name, heading in _judged(report.measures):
        old, new = (known(m.scores.get(name), digits=2) for m in (before, after))
        if old is not None and new is not None:
            note = signed_text(difference(new, old, digits=2), 2)
            if name in report.measures.lower_is_better:
                note += "; lower is better"
            elif scale := report.measures.scales.get(name, "0 to 1"):
                note += f" on a scale from {scale}"
            found.append(Change(heading, score_text(old, 2), score_text(new, 2), note))
    old, new = known(before.cut_fraction), known(after.cut_fraction)
    if old is not None and new is not None:
        note = "share that ran into the token limit"
        found.append(Change("Answers cut", percent_text(old), percent_text(new), note))
    old, new = known(before.mean_words), known(after.mean_words)
    if old is not None and new is not None:
        found.append(Change("Answer length", f"{old:,.0f}", f"{new:,.0f}", "words on average"))
    return found


def _judged(measures: Measures) -> list[tuple[str, str]]:
    """The score to judge by with its heading; where no text is measured, the next one too."""
    verdict = (measures.verdict, measures.headings.get(measures.verdict, measures.verdict))
    others = [] if measures is ROUGE else [e for e in measures.headings.items() if e != verdict]
    return [verdict, *others[:1]]


def charts(report: Report) -> dict[str, str]:
    """SVG by name; the empty string where there is nothing to draw."""
    losses = [
        Line(curve.name, curve.points, colour, is_noisy=is_noisy)
        for curve, colour, is_noisy in (
            (report.train_loss, "var(--quiet)", True),
            (report.eval_loss, "var(--accent)", False),
        )
        if curve is not None
    ]
    rate = report.learning_rate
    rates = [] if rate is None else [Line(rate.name, rate.points, "var(--quiet)")]
    scores, cuts = [], []
    verdict = report.measures.verdict
    heading = report.measures.headings.get(verdict, verdict)
    base, tuned = report.compared
    found = [known(m.scores.get(verdict)) for m in report.models]
    is_error = verdict in report.measures.lower_is_better
    most = max((value for value in found if value), default=1.0) if is_error else 1.0
    for m, score in zip(report.models, found, strict=True):
        colour = {tuned: "var(--accent)", base: "var(--quiet)"}.get(m.name, "var(--faint)")
        length, cut = None if score is None else score / most, known(m.cut_fraction)
        scores.append(Bar(m.name, length, score_text(score), colour))
        if cut is not None:
            cuts.append(Bar(m.name, cut, percent_text(cut), colour))
    ends = ("0", score_text(most) if is_error else "1")
    return {
        "loss_wide": line_chart(losses, title="Loss by step", width=680, height=320),
        "loss_narrow": line_chart(losses, title="Loss by step", width=342, height=280),
        "learning_rate": line_chart(rates, title="Learning rate by step", width=332, height=320),
        "scores": bar_chart(scores, title=f"{heading} by model", ends=ends, width=342),
        "cuts": bar_chart(cuts, title="Share of answers cut", ends=("0%", "100%"), width=342),
    }


def full_counts(counts: dict[str, Any]) -> dict[str, Any]:
    """A split's counts, 0 where one is missing, and the rows that its fates leave out."""
    full = {name: counts.get(name, 0) for name in (*ROW_COUNTS, *TOKEN_COUNTS)}
    gap = full["read"] - sum(full[fate] for fate in FATES)
    return {**full, "gap": gap, "reasons": counts.get("reasons", [])}
