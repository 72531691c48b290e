"""Artifact: what stands beside tuned weights, so that they are used the way they were trained."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tunesmith.core.errors import ModelError

FILE = "tunesmith.json"


@dataclass(frozen=True, slots=True)
class ArtifactInfo:
    """Where tuned weights come from.

    Attributes:
        base_path: model they were tuned from; for an adapter, the model it needs.
        base_revision: of a hub model.
        base_fingerprint: of its weights.
        tokenizer_fingerprint: of the tokenizer they were trained with.
        template: the template part, with its fields.
        task: name of the task.
        method: name of the method.
        instruction: the request that all training rows shared, apart from their material.
        head: the task's own output, as ``Head.as_dict`` gives it; None: a language model.
        part: the settled task, with its fields; None of an artefact of an older version.
        limits: how long an example may be, as ``Limits`` has it; None: likewise.
        quantisation: how the base's weights were held in few bits; None: they were not.
        base_config: fingerprint of its ``config.json``; None of an artefact of an older version.
        base_told: the content of that file, which tells what differs in another; None likewise.
    """

    base_path: str
    base_revision: str | None
    base_fingerprint: str
    tokenizer_fingerprint: str
    template: dict[str, Any]
    task: str
    method: str
    instruction: str | None = None
    quantisation: dict[str, Any] | None = None
    head: dict[str, Any] | None = None
    part: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    base_config: str | None = None
    base_told: dict[str, Any] | None = None

    def save(self, folder: Path) -> None:
        """Writes it beside the weights."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> ArtifactInfo | None:
        """Reads it; None where the weights are not ours.

        Raises:
            ModelError: it is broken.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise ModelError(f"{file}: broken: {error}.") from None
