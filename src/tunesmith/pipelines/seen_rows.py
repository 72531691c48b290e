"""Seen rows: what a run learnt from, row by row in a few bytes, so that runs can be told apart.

A run keeps ``rows.npz``: for every row of every split two fingerprints and its place; and
``first-example.txt``: one training example as the model saw it. Texts are not copied.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tunesmith.core.errors import TunesmithError
from tunesmith.core.runs import LOCK, RECIPE, Run
from tunesmith.recipe import load_recipe

if TYPE_CHECKING:
    from tunesmith.pipelines.prepare import Prepared

ROWS, SHOWN = "rows.npz", "first-example.txt"
N_SHOWN = 4
"""Rows that are written of one example: both sides of a pair, the first windows of a text."""


@dataclass(frozen=True)
class SeenRows:
    """The rows of a run.

    Attributes:
        asked: by split, [N] uint64: the same for rows that ask the same.
        whole: by split, [N, 16] uint8: the same for rows that ask and answer the same.
        origins: by split, N places.
        shown: one training example as the model saw it.
        shown_origin: its place.
    """

    asked: dict[str, np.ndarray]
    whole: dict[str, np.ndarray]
    origins: dict[str, list[str]]
    shown: str
    shown_origin: str


def keep_seen(run: Run, prepared: Prepared) -> None:
    """Writes down what a run has seen.

    Raises:
        OSError: it cannot be written.
    """
    seen = _seen(prepared)
    columns: dict[str, np.ndarray] = {}
    for split, asked in seen.asked.items():
        columns[f"asked_{split}"] = asked
        columns[f"whole_{split}"] = seen.whole[split]
        text = "\n".join(seen.origins[split]).encode("utf-8", "surrogateescape")
        columns[f"origins_{split}"] = np.frombuffer(text, np.uint8)
    draft = run.path / f".{ROWS}.draft"
    with draft.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **columns)
    draft.replace(run.path / ROWS)
    run.write_text(SHOWN, f"{seen.shown_origin}\n{seen.shown}")


def seen_by(run: Run) -> SeenRows | str:
    """What a run has seen; or why that is not known.

    A run of an older version kept no rows: they are read again, where its data are still what its
    lock says.
    """
    if (run.path / ROWS).is_file() and (run.path / SHOWN).is_file():
        try:
            return _kept(run.path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            return f"{run.path / ROWS} is broken ({error})"
    from tunesmith.pipelines.prepare import prepare  # it needs the tokenizer, so only here

    try:
        prepared = prepare(load_recipe(run.path / RECIPE), weights=False, strict=False)
    except TunesmithError as error:
        return f"{run.path} kept no list of its rows, and they cannot be read again: {error}"
    if prepared.identity()["data"] != run.read(LOCK).get("data"):
        return f"{run.path} kept no list of its rows, and its data have changed since"
    return _seen(prepared)


def _kept(folder: Path) -> SeenRows:
    with np.load(folder / ROWS, allow_pickle=False) as columns:
        splits = [n.removeprefix("asked_") for n in columns.files if n.startswith("asked_")]
        asked = {split: columns[f"asked_{split}"] for split in splits}
        whole = {split: columns[f"whole_{split}"] for split in splits}
        origins = {
            split: text.split("\n") if (text := _text(columns[f"origins_{split}"])) else []
            for split in splits
        }
    origin, _, shown = (folder / SHOWN).read_text("utf-8").partition("\n")
    return SeenRows(asked, whole, origins, shown, origin)


def _text(column: np.ndarray) -> str:
    return column.tobytes().decode("utf-8", "surrogateescape")


def _seen(prepared: Prepared) -> SeenRows:
    keys, places = prepared.store.source.keys, prepared.store.origins()
    rows = prepared.splits.rows
    shown, origin = _example(prepared)
    return SeenRows(
        {split: keys.prompt[of] for split, of in rows.items()},
        {split: keys.whole[of] for split, of in rows.items()},
        {split: [places[row] for row in of.tolist()] for split, of in rows.items()},
        shown,
        origin,
    )


def _example(prepared: Prepared) -> tuple[str, str]:
    """One training example as text, and its place.

    It is the one with the smallest fingerprint: the same in every run that has it, whatever rows
    were added before it.
    """
    train = prepared.encoded["train"]
    if not len(train):
        return "", ""
    of_row = np.searchsorted(prepared.store.source.first, train.rows, side="right") - 1
    first = int(of_row[np.argmin(prepared.store.source.keys.prompt[of_row])])
    places = np.flatnonzero(of_row == first)[:N_SHOWN]
    texts = [
        prepared.tokenizer.decode(train.arrays(int(place))[0].tolist(), special=True)
        for place in np.sort(places)
    ]
    return "\n\n".join(texts), prepared.store.origins()[first].replace("\n", " ")
