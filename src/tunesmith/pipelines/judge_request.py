"""Judge request: who judges the answers of a comparison, and by what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.chat.endpoint import is_hosted
from tunesmith.chat.spend import Prices
from tunesmith.core.errors import RecipeError, did_you_mean
from tunesmith.evaluation.rubrics import Rubric, choose_rubric, rubric_for
from tunesmith.evaluation.rubrics.rubric import BUILT_IN
from tunesmith.model.source import require_findable
from tunesmith.pipelines.beside import checked_model
from tunesmith.pipelines.weights import artifact_folder


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """Who judges, and by what.

    Attributes:
        model: any that :func:`tunesmith.load` takes and that writes.
        rubric: name of a built-in one, or a YAML file; None: the built-in one that fits.
        criteria: none but these; see :func:`~tunesmith.evaluation.rubrics.choose_rubric`.
        prices: of a hosted one's tokens.
        max_cost: no request is sent to it once the replies that it was asked for in the folder of a
            comparison cost so much.
    """

    model: str
    rubric: str | None = None
    criteria: tuple[str, ...] = ()
    prices: Prices | None = None
    max_cost: float | None = None

    def check(self) -> None:
        """Finds a slip before any work is done; nothing is fetched.

        Raises:
            TunesmithError: the rubric, a criterion or the endpoint says nothing, there is no such
                model, or a cap comes without prices.
        """
        if self.rubric is not None:
            choose_rubric(self.rubric, self.criteria)
        else:
            known = {name for rubric in BUILT_IN for name in choose_rubric(rubric).names}
            for text in self.criteria:
                if ":" not in text and text not in known:
                    raise RecipeError(
                        f"--criterion {text}: in no built-in rubric. {did_you_mean(text, known)} "
                        "For one of your own write 'NAME: what it means'."
                    )
        model = checked_model(self.model)
        if self.max_cost is not None and self.prices is None and is_hosted(model):
            raise RecipeError(
                f"the judge {self.model}: a cap on the cost needs its prices. Give --judge-prices "
                "PROMPT ANSWER, what a million tokens of each cost."
            )
        if not is_hosted(model):
            require_findable(artifact_folder(model))

    def rubric_for(self, task: str, requests: Sequence[str]) -> Rubric:
        """The rubric for some examples.

        Args:
            task: name of theirs.
            requests: what each asks.

        Raises:
            RecipeError: there is no such rubric, or it has no such criterion.
        """
        return choose_rubric(self.rubric or rubric_for(task, requests), self.criteria)
