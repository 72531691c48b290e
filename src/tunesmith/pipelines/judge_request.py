"""Judge request: who judges the answers of a comparison, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.chat.endpoint import is_hosted, parse_endpoint
from tunesmith.evaluation.rubrics import choose_rubric


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """Who judges, and by what.

    Attributes:
        model: any that :func:`tunesmith.load` takes and that writes.
        rubric: name of a built-in one, or a YAML file; None: the built-in one that fits.
        criteria: none but these; see :func:`~tunesmith.evaluation.rubrics.choose_rubric`.
    """

    model: str
    rubric: str | None = None
    criteria: tuple[str, ...] = ()

    def check(self) -> None:
        """Finds a slip before any work is done.

        Raises:
            TunesmithError: the rubric or the endpoint says nothing.
        """
        if self.rubric is not None:
            choose_rubric(self.rubric, self.criteria)
        if is_hosted(self.model):
            parse_endpoint(self.model)
