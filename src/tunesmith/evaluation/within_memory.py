"""Within memory: answers in portions of half as many rows where memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tunesmith.core.answers import Road
from tunesmith.core.examples import Example
from tunesmith.evaluation.roads import Answered, answer
from tunesmith.tasks.task import Task

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.predictor import Predictor


def answer_within_memory(
    model: ChatModel | Predictor,
    task: Task,
    examples: Sequence[Example],
    road: Road,
    *,
    max_new_tokens: int,
    length_normalised: bool = False,
    leaves_unanswered: bool = False,
) -> list[Answered]:
    """Answers as :func:`tunesmith.evaluation.roads.answer` does.

    The model keeps the ``batch_size`` that fits; one whose memory is elsewhere has none.

    Raises:
        RunError: memory does not suffice for one row.
        TemplateError: a request does not fit into the model.
        EndpointError: a hosted model did not answer.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.training.fit import EVALUATION_ADVICE, Portion

    def work(n_rows: int) -> list[Answered]:
        if isinstance(model, LocalModel | Predictor):
            model.batch_size = n_rows
        return answer(
            model,
            task,
            examples,
            road,
            max_new_tokens=max_new_tokens,
            length_normalised=length_normalised,
            leaves_unanswered=leaves_unanswered,
        )

    if not isinstance(model, LocalModel | Predictor):
        return work(len(examples))
    portion = Portion(model.batch_size, "evaluation", EVALUATION_ADVICE)
    return portion.run(model.batch_size, work, lambda: None)
