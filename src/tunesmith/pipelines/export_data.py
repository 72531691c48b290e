"""Export data: the rows of a build, with what people decided, as datasets and their card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError
from tunesmith.data import FORMATS
from tunesmith.data.files.located import shown
from tunesmith.data.format import Format
from tunesmith.pipelines import dataset_info
from tunesmith.pipelines.closed_book import known_questions
from tunesmith.synthesize.card import RowFacts, dataset_card
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.outputs import INSTRUCTIONS, formats, write_dataset
from tunesmith.synthesize.review.decisions import Decision, Decisions
from tunesmith.synthesize.row import Row
from tunesmith.synthesize.row_ledger import RowLedger
from tunesmith.synthesize.rows_file import read_rows

DOCUMENTS, REQUESTS, ROWS = "documents.sqlite", "requests.sqlite", "rows.jsonl"
BUILD, REVIEW, DATASET = "build.json", "review.sqlite", "dataset"
INSTRUCTION_FORMATS = ("messages", "alpaca", "sharegpt")


def export_data(folder: Path, *, form: str | None = None) -> dict[str, Any]:
    """Writes ``FOLDER/dataset`` anew from what a build made and people decided.

    Args:
        folder: of a build.
        form: format of instructions: ``messages``, ``alpaca`` or ``sharegpt``; None: as before.

    Returns:
        ``dataset``, ``rows`` by folder and split, ``fates`` (``planned`` = ``accepted`` + the sum
        of ``rejected`` + the sum of ``failed``), ``reviewed`` and ``card``.

    Raises:
        RunError: there is no build in the folder.
        DataError: a file cannot be written.
    """
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
        decisions, known = _decisions(folder / REVIEW), known_questions(folder)
        for row in _decided(folder / ROWS, decisions, known, reviewed):
            ledger.end(row.fate, row.reason)
            if row.fate == "accepted":
                facts.add(row)
        counts = write_dataset(
            lambda: _decided(folder / ROWS, decisions, known, Counter()),
            kinds,
            catalog,
            folder / DATASET,
            instructions,
        )
    _describe_there(folder / DATASET, counts, instructions)
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
    write_text(folder / DATASET / "README.md", card)
    return {
        "dataset": shown(folder / DATASET),
        "rows": {
            name: {split: n for (of, split), n in counts.items() if of == name}
            for name in dict.fromkeys(name for name, _ in counts)
        },
        "fates": ledger.as_dict(),
        "reviewed": dict(reviewed),
        "card": shown(folder / DATASET / "README.md"),
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


def _decided(
    path: Path,
    decisions: Mapping[str, Decision],
    known: Mapping[str, bool],
    reviewed: Counter[str],
) -> Iterator[Row]:
    """Rows as they are after review, and with what the model to be tuned knew."""
    for read in read_rows(path):
        row = _asked(read, known)
        decision = decisions.get(row.id)
        if decision is None:
            yield row
            continue
        fields = row.as_dict()
        if not decision.holds_for(fields):
            reviewed["changed since and to be looked at again"] += 1
            yield row
            continue
        reviewed[decision.verdict] += 1
        original = json.dumps(dict(decision.original), ensure_ascii=False)
        after = Row.from_dict(decision.applied_to(fields))
        told = replace(
            after.provenance,
            review=decision.verdict,
            original=original if decision.verdict == "edited" else "",
        )
        yield replace(after, provenance=told)


def _asked(row: Row, known: Mapping[str, bool]) -> Row:
    """A row with whether its question was answered closed-book."""
    if len(row.draft.turns) != 1 or row.draft.turns[0].request not in known:
        return row
    found = "known" if known[row.draft.turns[0].request] else "missed"
    return replace(row, provenance=replace(row.provenance, closed_book=found))


def _describe_there(
    folder: Path, counts: Mapping[tuple[str, str], int], instructions: Format
) -> None:
    """Describes what LLaMA-Factory can read in a ``dataset_info.json``."""
    entries: dict[str, Any] = {}
    forms = formats(instructions)
    for name, split in counts:
        form = forms[name]
        if name not in (INSTRUCTIONS, "text"):
            continue
        there = dataset_info.layout_there(form)
        if there is None:
            continue
        file_name = f"{name}/{split}.jsonl"
        with (folder / file_name).open(encoding="utf-8") as file:
            keys = set(json.loads(file.readline()))
        entries[f"{name}_{split}"] = dataset_info.entry(there, file_name, keys)
    text = json.dumps(entries, ensure_ascii=False, indent=2) + "\n"
    write_text(folder / dataset_info.FILE_NAME, text)
