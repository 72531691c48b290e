"""Started head: the head that weights bring along, and its rows in the order of a task's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.core.errors import ModelError
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.head import Head, head_of_config
from tunesmith.model.source import read_config

ADAPTER = "adapter_config.json"


def head_of_folder(folder: Path) -> Head | None:
    """The head that a model's or an adapter's folder holds; None: its output is the vocabulary.

    Raises:
        ModelError: something in it is damaged.
    """
    info = ArtifactInfo.load(folder)
    if info is not None:
        return None if info.head is None else Head.from_dict(info.head)
    if (folder / ADAPTER).is_file():
        from tunesmith.model.adapter import head_rows
        from tunesmith.model.adapter_config import adapter_head, read_adapter_config

        return adapter_head(read_adapter_config(folder), head_rows(folder))
    return head_of_config(read_config(folder)) if (folder / "config.json").is_file() else None


def rows_by_name(head: Head | None, found: Head | None, place: Path) -> list[int] | None:
    """Where each of a task's labels stands among the outputs that weights bring along.

    Args:
        head: the task's.
        found: what the weights have.
        place: their folder.

    Returns:
        For each label the number of its output; None where no names tell outputs apart.

    Raises:
        ModelError: the labels are not the same ones.
    """
    if head is None or found is None or head.kind != found.kind or not head.labels:
        return None
    if head.problem == found.problem == "regression":
        return None
    if sorted(head.labels) != sorted(found.labels):
        raise ModelError(
            f"{place}: its head tells the labels {', '.join(found.labels)} apart, and the task has "
            f"{', '.join(head.labels)}. Set task.labels to those of the head, or correct their "
            "names where they stand (id2label in config.json); for other classes start from a "
            "model without such a head."
        )
    return [found.labels.index(label) for label in head.labels]


def reorder(model: Any, head: Head, rows: list[int]) -> None:
    """Puts the outputs of a model's head into another order; of a trained copy, the copy's.

    Args:
        model: has the head.
        head: which.
        rows: for each output the number of the one that takes its place.
    """
    import torch

    from tunesmith.model.trained_copy import TrainedCopy

    module: Any = getattr(model, head.module)
    if isinstance(module, TrainedCopy):
        module = module.trained
    with torch.no_grad():
        module.weight.copy_(module.weight[rows].clone())
