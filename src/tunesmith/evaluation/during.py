"""During: answers of the model that is being tuned, scored and shown at every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.core.answers import Road, shown
from tunesmith.core.examples import Example
from tunesmith.evaluation.roads import Answered, answer
from tunesmith.evaluation.score import score
from tunesmith.tasks.task import Task
from tunesmith.training.fit import Portion

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor


class AnswerScorer:
    """Scores the first ``n_scored`` of some examples, and shows the first ``n_shown``."""

    def __init__(
        self,
        model: LocalModel | Predictor,
        task: Task,
        road: Road,
        examples: Sequence[Example],
        *,
        n_scored: int,
        n_shown: int,
        max_new_tokens: int,
        metrics: Sequence[str] | None,
        length_normalised: bool = False,
        show: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        """Takes what it needs to answer the same examples again and again.

        Args:
            model: answers with the weights as they are at the time.
            task: which the examples are of.
            road: how the answers come about; always greedy, so that they can be compared.
            examples: each with at least one reference answer.
            n_scored: of them.
            n_shown: of them.
            max_new_tokens: of an answer that is written.
            metrics: names of metrics; None: the task's own.
            length_normalised: whether likelihood is the mean over an answer's tokens.
            show: is told what was shown: ``origin``, ``prompt``, ``answer``, ``reference``,
                ``is_cut`` of each.
        """
        self.model = model
        self.task = task
        self.road: Road = road
        self.examples = examples[: max(n_scored, n_shown)]
        self.n_scored = n_scored
        self.n_shown = n_shown
        self.max_new_tokens = max_new_tokens
        self.metrics = metrics
        self.length_normalised = length_normalised
        self.show = show
        self.portion = Portion(model.batch_size, "answers")

    def score(self) -> dict[str, float]:
        """The metrics' scores, and the shares of answers that were cut or cannot be read."""
        answered = self.portion.run(len(self.examples), self._answers, lambda: None)
        if self.n_shown:
            pairs = zip(self.examples[: self.n_shown], answered, strict=False)
            self.show([self._shown(example, one) for example, one in pairs])
        examples = self.examples[: self.n_scored]
        if not examples:
            return {}
        found = score(self.task, examples, answered[: len(examples)], self.road, self.metrics)
        return found.scores

    def _answers(self, n_at_once: int) -> list[Answered]:
        self.model.batch_size = n_at_once
        return answer(
            self.model,
            self.task,
            self.examples,
            self.road,
            max_new_tokens=self.max_new_tokens,
            length_normalised=self.length_normalised,
        )

    def _shown(self, example: Example, answered: Answered) -> dict[str, Any]:
        asked = self.task.ask(example)
        return {
            "origin": example.origin,
            "prompt": "\n\n".join(m.text for m in asked.messages) if asked else "",
            "answer": answered.text,
            "reference": shown(self.task.references(example)[0]),
            "is_cut": answered.cut,
        }
