"""Harness asking: one model does tasks of the harness, one file after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import (
    DataError,
    ModelError,
    ParkedError,
    RunError,
    TunesmithError,
)
from tunesmith.core.extras import require
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.harness_replies import HarnessReplies
from tunesmith.pipelines.kept_answers import key_of
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.model_identity import identity_of, served_by
from tunesmith.pipelines.prompted import is_prompted
from tunesmith.pipelines.weights import artifact_folder

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel

TOLD = ("results", "samples", "higher_is_better", "n-samples")
"""What is taken of the harness's results: each by task."""


@dataclass(frozen=True, slots=True)
class Done:
    """What the harness says of one model.

    Attributes:
        told: its results under the names of ``TOLD``, by task.
        left_out: files of tasks that the model did not do, with the reason.
    """

    told: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in TOLD})
    left_out: dict[str, str] = field(default_factory=dict)


class Opened:
    """A model that is opened when it is first asked for; what keeps it from that is told again."""

    def __init__(self, opening: Opening, one: Beside, replies: HarnessReplies) -> None:
        """Takes how it is opened, and the replies that are kept of it."""
        self._opening, self._one, self._replies = opening, one, replies
        self._found: ChatModel | TunesmithError | None = None

    def __call__(self) -> ChatModel:
        """The model.

        Raises:
            TunesmithError: it cannot be opened, or writes no text.
        """
        if self._found is None:
            try:
                self._found = self._open()
            except TunesmithError as error:
                self._found = error
            # What came from the hub for it tells now which snapshot it is.
            served = self._replies.served
            self._replies.begin(_identity(self._one.model, served), served)
        if isinstance(self._found, TunesmithError):
            raise self._found
        return self._found

    def _open(self) -> ChatModel:
        from tunesmith.chat.chat_model import ChatModel

        plain = None if hosted_behind(self._one.model) else "none"
        opened = self._opening.any(self._one.model, name=self._one.name, template=plain)
        if not isinstance(opened, ChatModel):
            raise ModelError("answers with a head of its own; the harness asks language models.")
        return opened


def asked(
    opening: Opening, one: Beside, tasks: Sequence[str], limit: int | None, folder: Path
) -> Done:
    """Has a model do tasks; what it said before is taken from the folder.

    A task that cannot be done leaves the others.

    Args:
        opening: opens models.
        one: the model with its name.
        tasks: YAML files.
        limit: examples of each; None: all.
        folder: keeps replies.

    Raises:
        TunesmithError: it did no task at all; why.
    """
    from tunesmith.evaluation.harness_model import HarnessModel

    if is_prompted(Path(artifact_folder(one.model)).expanduser()):
        raise ModelError(
            "shows examples of its own before each request, and a task of the harness writes its "
            "prompts itself. Name the model below it, and num_fewshot in the task."
        )
    replies = HarnessReplies(folder / f"{one.name}.jsonl")
    served = served_by(one.model, replies.served)
    replies.begin(_identity(one.model, served), served)
    is_hosted = hosted_behind(one.model) is not None
    opened = Opened(opening, one, replies)
    model = HarnessModel(opened, replies, only_writes=is_hosted)
    done, owner = Done(), dict[str, str]()
    errors: list[TunesmithError] = []
    for task in tasks:
        if errors and isinstance(errors[-1], ParkedError):  # each would wait as long again
            done.left_out[task] = str(errors[-1])
            continue
        try:
            results = _evaluated(model, task, limit)
            for name in results["results"]:
                if owner.setdefault(name, task) != task:
                    raise DataError(f"{task}: task {name!r} is in {owner[name]} too. Rename it.")
        except TunesmithError as error:
            errors.append(error)
            done.left_out[task] = str(error)
            continue
        for kind, found in done.told.items():
            found.update(results[kind])
    if errors and not done.told["results"]:
        reasons = dict.fromkeys(done.left_out.values())
        raise errors[0] if len(reasons) == 1 else RunError(" ".join(reasons))
    for reason in done.left_out.values():
        print(f"{one.name}: {reason}", file=sys.stderr)
    return done


def _evaluated(model: Any, task: str, limit: int | None) -> dict[str, Any]:
    """What the harness says of one file."""
    from tunesmith.training.fit import EVALUATION_ADVICE, advised

    package = require("lm_eval", extra="lm-eval", purpose="Tasks of the lm-evaluation-harness")
    manager = require("lm_eval.tasks", extra="lm-eval", purpose="Tasks").TaskManager(
        include_defaults=False
    )
    file = str(Path(task).expanduser().absolute())
    try:
        # It tells its progress where our result is to stand.
        with advised(EVALUATION_ADVICE), redirect_stdout(sys.stderr):
            return package.simple_evaluate(
                model, tasks=[file], task_manager=manager, limit=limit, log_samples=True
            )
    except TunesmithError:
        raise
    except Exception as error:  # whatever a task's file, data or code can do
        told = " ".join(str(error).split())
        raise DataError(f"{task}: the harness stopped at {type(error).__name__}: {told}") from error


def _identity(model: str, served: str | None) -> str:
    """What tells a model from another of the same name, and how it is asked."""
    return key_of(["as the harness asks", identity_of(model, served)])
