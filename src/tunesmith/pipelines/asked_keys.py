"""Asked keys: what identifies one answer, so that it is found again whatever stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tunesmith.core.answers import Road
from tunesmith.core.examples import Example
from tunesmith.pipelines.kept_answers import key_of
from tunesmith.pipelines.prompted import is_prompted, shot_origins
from tunesmith.pipelines.weights import artifact_folder
from tunesmith.tasks.task import Task

LENGTH = 32
"""Hexadecimal digits of a key: 128 bits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model is asked, whatever the example.

    Attributes:
        form: how conversations are laid out for it.
        task: settled.
        max_new_tokens: longest answer, where one is written.
        length_normalised: of likelihoods, where answers are weighed.
    """

    form: list[Any]
    task: Task
    max_new_tokens: int
    length_normalised: bool

    def model_key(self, identity: Sequence[Any], more: Sequence[Any]) -> str:
        """What identifies the roads that a model can go."""
        asks = self.task.model_dump(mode="json", exclude=set(self.task.only_trains))
        return key_of([identity, self.form, asks, *more])

    def keys(
        self,
        identity: Sequence[Any],
        road: Road,
        examples: Sequence[Example],
        apart: frozenset[str],
    ) -> list[str]:
        """The key of each example's answer.

        Args:
            identity: of the model.
            road: by which it answers.
            examples: that it is asked.
            apart: origins that matter; see :func:`origins_apart`.
        """
        settings: dict[Road, list[Any]] = {
            "generate": [self.max_new_tokens],
            "likelihood": [self.length_normalised],
        }
        how = self.model_key(identity, [road, settings.get(road, [])])
        weighs = road == "likelihood"
        return [
            key_of([how, question, self.task.candidates(example) if weighs else []])[:LENGTH]
            for example, question in zip(
                examples, questions(self.task, examples, apart), strict=True
            )
        ]


def questions(task: Task, examples: Sequence[Example], apart: frozenset[str]) -> list[list[Any]]:
    """What is asked of each example, as JSON can tell it, wherever the example was read.

    Args:
        task: asks.
        examples: that are asked about.
        apart: origins that matter; see :func:`origins_apart`.
    """
    found: list[list[Any]] = []
    for example in examples:
        asked = task.ask(example)
        what: Any = (
            repr(replace(example, origin=""))
            if asked is None
            else [[asdict(message) for message in asked.messages], asked.tools]
        )
        found.append([what, example.origin if example.origin in apart else ""])
    return found


def origins_apart(model: str) -> frozenset[str]:
    """Origins that change what a model is shown: a prompted one shows no example to itself.

    Raises:
        ModelError: a prompted model is broken.
    """
    folder = Path(artifact_folder(model)).expanduser()
    return shot_origins(folder) if is_prompted(folder) else frozenset()
