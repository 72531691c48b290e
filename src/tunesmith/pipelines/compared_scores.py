"""Compared scores: every model's answers to the examples, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tunesmith.core.answers import Road
from tunesmith.evaluation.metrics.chosen import Chosen
from tunesmith.evaluation.score import Scored, score
from tunesmith.evaluation.statistics.sample import Sample
from tunesmith.pipelines.answer_notes import answer_notes
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_answers import compared_answers
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.compared_likelihoods import compared_likelihoods
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.kept_answers import Kept
from tunesmith.pipelines.priced_answers import priced_answers


@dataclass(frozen=True, slots=True)
class ComparedScores:
    """What came of asking.

    Attributes:
        answers: by model and road, what it said and how it was asked; of running text, how well
            it foretold.
        scored: by the same names.
        failed: by model, why it was not compared.
        notes: what is to be known of the figures.
    """

    answers: dict[str, tuple[Kept, Road]]
    scored: dict[str, Scored]
    failed: dict[str, str]
    notes: list[str]

    def samples(self, clusters: Sequence[str] | None) -> dict[str, dict[str, Sample]]:
        """By model and score, what each example is worth.

        Args:
            clusters: the document or dialogue of each example; None: each stands alone.
        """
        return {
            name: one.found.samples(clusters)
            for name, one in self.scored.items()
            if one.found is not None
        }


def compared_scores(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    folder: Path,
    opening: Opening,
    metrics: Sequence[Chosen],
) -> ComparedScores:
    """Has models answer what is not kept, and scores all of it.

    Metrics of likelihood are taken from the probabilities of the right answers, the others from
    what was written; running text has nothing but likelihoods.

    Raises:
        TunesmithError: no model could be asked.
    """
    likelihoods = None
    if any(metric.foretell for metric in metrics):
        likelihoods = compared_likelihoods(request, models, data, folder, opening, metrics)
        if data.task.judged_by == "running-text":
            return ComparedScores(
                likelihoods.answers(), likelihoods.scored(), likelihoods.failed, likelihoods.notes
            )
    unfit = {} if likelihoods is None else likelihoods.failed
    kept, failed = compared_answers(request, models, data, folder, opening, unfit)
    answers = priced_answers(kept, models, request.prices)
    written = [metric.told for metric in metrics if metric.foretell is None]
    scored = {
        name: score(data.task, data.examples, kept.answered, road, written)
        for name, (kept, road) in answers.items()
    }
    if likelihoods is not None:
        likelihoods.added_to(scored)
    notes = [*answer_notes(answers, data.examples), *(likelihoods.notes if likelihoods else [])]
    # Of a model that failed altogether the reason stands by its name already.
    notes += [f"{name}: {reason}" for name, reason in unfit.items() if name not in failed]
    return ComparedScores(answers, scored, failed, notes)
