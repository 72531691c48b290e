"""Export data: the rows of a build, with what people decided, as datasets and their card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError
from tunesmith.core.examples import Document, Preference
from tunesmith.core.held import held, written_down
from tunesmith.core.swapped import swapped
from tunesmith.data import FORMATS
from tunesmith.data.files.located import shown
from tunesmith.data.format import Format
from tunesmith.pipelines import dataset_info
from tunesmith.pipelines.closed_book import known_answers
from tunesmith.pipelines.decided import Decided
from tunesmith.synthesize.card import RowFacts, dataset_card
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.draft_pairs import DraftPair, repeated_pairs, with_pairs
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.outputs import FOLDERS, INSTRUCTIONS, SPLITS, DatasetWriter, formats
from tunesmith.synthesize.review.decisions import Decision, Decisions
from tunesmith.synthesize.row_ledger import RowLedger

DOCUMENTS, REQUESTS, ROWS = "documents.sqlite", "requests.sqlite", "rows.jsonl"
BUILD, REVIEW, DATASET = "build.json", "review.sqlite", "dataset"
CARD = "README.md"
THERE = "llamafactory"
"""Folder of what has another layout there."""
OURS = frozenset(
    [
        CARD,
        dataset_info.FILE_NAME,
        *(f"{name}/{split}.jsonl" for name in FOLDERS.values() for split in SPLITS),
        *(f"{THERE}/{FOLDERS[Preference]}_{split}.jsonl" for split in SPLITS),
    ]
)
"""Every file of a dataset."""
INSTRUCTION_FORMATS = ("messages", "alpaca", "sharegpt")


def export_data(folder: Path, *, form: str | None = None) -> dict[str, Any]:
    """Writes ``FOLDER/dataset`` anew from what a build made and people decided.

    The new datasets are written beside the old ones and take their place together.

    Args:
        folder: of a build.
        form: format of instructions: ``messages``, ``alpaca`` or ``sharegpt``; None: as before.

    Returns:
        ``dataset``, ``rows`` by folder and split, ``preferences_from_drafts`` (how many of the
        preferences are answers that failed a check beside accepted ones), ``fates`` (``planned`` =
        ``accepted`` + the sum of ``rejected`` + the sum of ``failed``), ``reviewed`` and ``card``.

    Raises:
        RunError: there is no build in the folder, another process writes there, or it cannot be
            written.
        DataError: a file cannot be written.
    """
    read_build(folder)  # before anything is made in a folder that is none
    with held(folder, choose="Copy the folder elsewhere"), written_down(folder):
        return export_held(folder, form=form)


def export_held(folder: Path, *, form: str | None = None) -> dict[str, Any]:
    """The same in a folder that the caller holds."""
    build = read_build(folder)
    written_as: str = form or build["settings"]["format"]
    instructions = instruction_format(written_as)
    kinds: dict[str, Kind] = {k["name"]: KINDS.parse(k) for k in build["settings"]["kinds"]}
    ledger, facts, reviewed = RowLedger(), RowFacts(), Counter[str]()
    ledger.plan(build["planned"])
    for fate, step, n in build["missing"]:
        ledger.end(fate, step, n)
    with ExitStack() as stack:
        catalog = stack.enter_context(Catalog(folder / DOCUMENTS))
        decided = Decided(
            folder / ROWS,
            kinds,
            catalog,
            _decisions(folder / REVIEW),
            known_answers(folder, build.get("learner")),
        )
        repeated = repeated_pairs(with_pairs(decided.rows(Counter())))
        new = stack.enter_context(swapped(folder / DATASET, OURS))
        writer = stack.enter_context(DatasetWriter(new, kinds, catalog, instructions, _copies()))
        for one in with_pairs(decided.rows(reviewed)):
            if isinstance(one, DraftPair):
                if one.id not in repeated:
                    writer.add_pair(one, decided.passage(one.chosen))
                    facts.n_from_drafts += 1
                continue
            ledger.end(one.fate, one.reason)
            if one.fate == "accepted":
                passage = decided.passage(one)
                facts.add(one, passage.language)
                writer.add(one, passage)
        writer.close()
        counts = writer.counts
        _describe_there(new, counts, instructions)
        card = dataset_card(
            folder.resolve().name,
            facts,
            documents=build["documents"],
            skipped=build["skipped"],
            counts=counts,
            fates=ledger.as_dict(),
            reviewed=reviewed,
            effort=build["effort"],
            form=written_as,
        )
        write_text(new / CARD, card)
    return {
        "dataset": shown(folder / DATASET),
        "rows": {
            name: {split: n for (of, split), n in counts.items() if of == name}
            for name in dict.fromkeys(name for name, _ in counts)
        },
        "preferences_from_drafts": facts.n_from_drafts,
        "fates": ledger.as_dict(),
        "reviewed": dict(reviewed),
        "card": shown(folder / DATASET / CARD),
    }


def instruction_format(name: str) -> Format:
    """How conversations are written.

    Raises:
        RunError: not in this way.
    """
    if name not in INSTRUCTION_FORMATS:
        raise RunError(
            f"instructions are written as {', '.join(INSTRUCTION_FORMATS)}, not as {name!r}. "
            "For another format convert the file: tunesmith data convert."
        )
    return FORMATS.parse(name)


def read_build(folder: Path) -> dict[str, Any]:
    """What a build wrote about itself.

    Raises:
        RunError: there is none.
    """
    path = folder / BUILD
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{shown(path)}: missing, so this is no dataset that was built. Name the folder that "
            "was given as --out."
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(
            f"{shown(path)}: cannot be read ({error}). Build the dataset again."
        ) from None


def write_text(path: Path, text: str) -> None:
    """Writes a file beside its place and renames it.

    Raises:
        RunError: the disk is full or the folder not writable.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        raise RunError(f"{shown(path)}: cannot be written ({error.strerror}).") from None
    finally:
        draft.unlink(missing_ok=True)


def _decisions(path: Path) -> dict[str, Decision]:
    if not path.exists():
        return {}
    with Decisions(path) as opened:
        return opened.all()


def _copies() -> dict[str, tuple[str, Format]]:
    """Preferences in the layout of LLaMA-Factory, which reads no lists of messages as answers."""
    preferences = formats(FORMATS.parse("messages"))[FOLDERS[Preference]]
    there = dataset_info.layout_there(preferences)
    assert there is not None
    return {FOLDERS[Preference]: (THERE, there)}


def _describe_there(
    folder: Path, counts: Mapping[tuple[str, str], int], instructions: Format
) -> None:
    """Describes what LLaMA-Factory can read in a ``dataset_info.json``."""
    entries: dict[str, Any] = {}
    forms, copies = formats(instructions), _copies()
    for name, split in counts:
        if name in copies:
            where, there = copies[name]
            file_name = f"{where}/{name}_{split}.jsonl"
        elif name in (INSTRUCTIONS, FOLDERS[Document]):
            there, file_name = dataset_info.layout_there(forms[name]), f"{name}/{split}.jsonl"
        else:
            continue
        if there is None:
            continue
        with (folder / file_name).open(encoding="utf-8") as file:
            keys = set(json.loads(file.readline()))
        entries[f"{name}_{split}"] = dataset_info.entry(there, file_name, keys)
    text = json.dumps(entries, ensure_ascii=False, indent=2) + "\n"
    write_text(folder / dataset_info.FILE_NAME, text)
