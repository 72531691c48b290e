"""Keep: what stays of a trained model: its best weights, as an artefact."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import RunError
from tunesmith.core.examples import Conversation
from tunesmith.core.runs import Run
from tunesmith.methods.method import BaseIdentity
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.head import name_padding
from tunesmith.model.save import copy_tokenizer
from tunesmith.model.source import config_fingerprint, read_config
from tunesmith.pipelines.prepare import Prepared, split_of
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.training.loop import Trainer


def take_best(run: Run, trainer: Trainer, step: int) -> int:
    """Puts the best weights in place; returns the step of those that are there afterwards."""
    from tunesmith.training.checkpoint import load_checkpoint
    from tunesmith.training.snapshot import restore_weights

    place = run.checkpoints / f"step-{step:08d}"
    if step == 0:
        print(
            f"no step made {trainer.progress.goal.metric} better than the base's; the last weights "
            "are kept. Try another optim.lr.",
            file=sys.stderr,
        )
    else:
        try:
            restore_weights(trainer.parameters, load_checkpoint(place))
            return step
        except RunError as error:
            run.note(f"the best checkpoint cannot be used: {error} The last weights are kept.")
    return trainer.progress.step


def save_artifact(
    run: Run, recipe: Recipe, prepared: Prepared, network: Any, identity: dict[str, Any]
) -> None:
    """Writes the model as it is now into the run; it is there as a whole or not at all."""
    draft = run.path / ".model.draft"
    for leftover in (draft, run.artifact):
        if leftover.exists():
            shutil.rmtree(leftover)
    draft.mkdir()
    weights = identity["hashes"]["weights"]
    config = read_config(prepared.folder)
    is_same = config_fingerprint(config) == identity["hashes"]["config"]  # as when it was loaded
    base = BaseIdentity(recipe.model.path, recipe.model.revision, weights)
    name_padding(network, prepared.tokenizer.declared_pad_id)
    recipe.method.save(network, draft, base)
    copy_tokenizer(prepared.folder, draft)
    quantisation = recipe.method.quantisation
    head = prepared.task.head()
    ArtifactInfo(
        base_path=recipe.model.path,
        base_revision=recipe.model.revision,
        base_fingerprint=weights,
        base_config=identity["hashes"]["config"],
        base_told=config if is_same else None,
        tokenizer_fingerprint=prepared.tokenizer.fingerprint,
        template=prepared.template.model_dump(mode="json"),
        task=recipe.task.name,
        method=recipe.method.name,
        instruction=_shared_instruction(recipe, prepared),
        quantisation=None if quantisation is None else asdict(quantisation),
        head=None if head is None else head.as_dict(),
        part=prepared.task.model_dump(mode="json"),
        limits=asdict(prepared.limits),
    ).save(draft)
    draft.rename(run.artifact)


def _shared_instruction(recipe: Recipe, prepared: Prepared) -> str | None:
    """The request of all training rows, where it is one and stands apart from what it works on."""
    asked: set[str | None] = set()
    for row in split_of(prepared, recipe, "train"):
        if isinstance(row.example, Conversation):
            asked |= {
                (m.content if m.input else None) for m in row.example.messages if m.role == "user"
            }
        if None in asked or len(asked) > 1:
            return None
    return asked.pop() if asked else None
