"""Compared seen: which of the compared examples a model was tuned on, so that it may know them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.examples import Example
from tunesmith.core.runs import LOCK, Run
from tunesmith.data.keys import asked_word
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.seen_rows import seen_by


def seen_notes(models: Sequence[Beside], examples: Sequence[Example]) -> list[str]:
    """What is to be known of runs that learnt from what they are asked here.

    An example is known to a run where one of its training rows asks the same, whatever file it
    stands in. Models that are no runs are not known to have seen anything, and nothing is said.

    Args:
        models: all that are compared.
        examples: that are asked.
    """
    asked = np.array([asked_word(example) for example in examples], np.uint64)
    notes: list[str] = []
    for one in models:
        run = _run_of(one.model)
        if run is None:
            continue
        seen = seen_by(run)
        if isinstance(seen, str):
            notes.append(f"{one.name}: whether it learnt from these examples is not known: {seen}.")
            continue
        known = np.flatnonzero(np.isin(asked, seen.asked.get("train", np.array([], np.uint64))))
        if len(known):
            notes.append(
                f"{one.name} learnt from rows that ask the same as {len(known)} of the "
                f"{len(examples)} examples (the first: {examples[known[0]].origin}). There its "
                "scores tell what it remembers. Hold these rows out of training, or compare on "
                "others: --split or --data."
            )
    return notes


def _run_of(model: str) -> Run | None:
    """The run that a model's folder is, or lies in; None: it is none."""
    if is_hosted(model):
        return None
    folder = Path(model).expanduser().absolute()
    if not folder.exists():
        return None
    for place in (folder, *folder.parents[:2]):
        if (place / LOCK).is_file():
            return Run(place)
    return None
