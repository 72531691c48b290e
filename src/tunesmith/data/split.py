"""Split: holds rows out for validation, so that no conversation stands on both sides."""

from __future__ import annotations

import hashlib

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Document, Example
from tunesmith.core.ledger import Ledger
from tunesmith.data.fingerprint import fingerprint, whole_fingerprint
from tunesmith.data.read import Examples


def split_examples(
    examples: Examples, *, validation_fraction: float, seed: int, ledger: Ledger
) -> Examples:
    """Completes the splits.

    Rows of the training split whose prompt also stands in validation or test are dropped and
    counted. Where no validation split was read, a seeded share of the training rows is held out;
    rows with the same prompt stay together. Of a single text, its end is held out.

    Args:
        examples: what was read, by split.
        validation_fraction: share of training rows to hold out; 0: none.
        seed: decides which.
        ledger: counts the dropped rows.

    Raises:
        DataError: too few rows to hold any out.
    """
    held_out = {
        fingerprint(example)
        for split in ("validation", "test")
        for example in examples.get(split, ())
    }
    train: list[Example] = []
    for example in examples["train"]:
        if fingerprint(example) in held_out:
            ledger["train"].drop(example.origin, "also in validation or test")
        else:
            train.append(example)
    if not train:
        raise DataError(
            "every training row also stands in validation or test; nothing is left to learn from."
        )
    completed: Examples = {**examples, "train": train}
    if "validation" in examples:
        if not examples["validation"]:
            raise DataError("the validation split is empty. Fill it, or take its file away.")
        return completed
    if validation_fraction == 0:
        return completed
    if len(train) == 1 and isinstance(train[0], Document):
        completed["train"], completed["validation"] = _cut_in_two(train[0], validation_fraction)
        return completed
    keys = sorted(
        {fingerprint(example) for example in train},
        key=lambda key: hashlib.sha256(f"{seed}:{key.hex()}".encode()).digest(),
    )
    chosen = set(keys[: max(1, round(len(keys) * validation_fraction))])
    if len(chosen) == len(keys):
        raise DataError(
            f"{train[0].origin}: {len(keys)} distinct row(s) are too few to hold any out for "
            "validation. Add rows, or set data.validation_fraction=0."
        )
    completed["train"] = [e for e in train if fingerprint(e) not in chosen]
    completed["validation"] = [e for e in train if fingerprint(e) in chosen]
    return completed


def _cut_in_two(document: Document, fraction: float) -> tuple[list[Example], list[Example]]:
    """The start of a single text to learn from, and its end to be judged by, cut at a line."""
    place = document.text.rfind("\n", 0, round(len(document.text) * (1 - fraction))) + 1
    start, end = document.text[:place], document.text[place:]
    if not start.strip() or not end.strip():
        raise DataError(
            f"{document.origin}: a single text without lines cannot be divided. Add texts, or set "
            "data.validation_fraction=0."
        )
    line = start.count("\n") + 1
    end_origin = f"{document.origin.rpartition(':')[0]}:{line}"
    return [Document(start, document.origin)], [Document(end, end_origin)]


def data_fingerprint(examples: Examples) -> str:
    """A hash over every example of every split, answers included, in order."""
    digest = hashlib.sha256()
    for split in sorted(examples):
        digest.update(f"\x1d{split}".encode())
        for example in examples[split]:
            digest.update(whole_fingerprint(example))
    return digest.hexdigest()
