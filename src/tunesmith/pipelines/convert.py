"""Convert: from one format to another; every row is written, or counted with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.core.ledger import PLACES_SHOWN
from tunesmith.data import FORMATS
from tunesmith.data.files.located import shown
from tunesmith.data.files.write import require_writable, write_records
from tunesmith.data.format import Format, Record
from tunesmith.data.read import Row, read_rows, summed_up
from tunesmith.data.records import Notice
from tunesmith.data.settings import Data
from tunesmith.pipelines import dataset_info


@dataclass
class Tally:
    """What became of the rows."""

    n_read: int = 0
    n_written: int = 0
    n_mended: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    skipped: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Reason -> every place."""
    problems: list[str] = field(default_factory=list[str])
    """Rows that cannot be written, each as ``place: reason``."""
    keys: set[str] = field(default_factory=set[str])
    """Fields that any written record has."""
    splits: Counter[str] = field(default_factory=Counter[str])
    """Written rows by the split that the source has them in."""
    notices: list[str] = field(default_factory=list[str])

    def skip(self, origin: str, reason: str, *, is_problem: bool = True) -> None:
        """Counts a row that is not written."""
        self.skipped.setdefault(reason, []).append(origin)
        if is_problem:
            self.problems.append(f"{origin}: {reason}")


def convert(
    source: str,
    target: Path,
    *,
    to: Format,
    form: Format | None = None,
    skip: bool = False,
    force: bool = False,
    llamafactory: bool = False,
) -> dict[str, Any]:
    """Reads examples in one format and writes them in another.

    Args:
        source: a file, or whatever else ``data.path`` may be.
        target: file to write; its suffix decides between JSON and JSON lines.
        to: the format to write.
        form: the format to read; None: told from the content.
        skip: leave rows out that cannot be read or written, instead of stopping.
        force: overwrite the target, and an entry for another file under its name in
            ``dataset_info.json``.
        llamafactory: write what LLaMA-Factory reads, and describe the file in the
            ``dataset_info.json`` beside it. Without it that file changes nothing.

    Returns:
        ``read``, ``written``, ``skipped``, ``mended``; ``reasons`` for the skipped ones with their
        first places; ``lost``: what has no place in the target, and in how many rows;
        ``dataset_info``: the file that names the target, or None; ``notices``: what else is worth
        telling, such as files that were passed over, or several splits that became one file.

    Raises:
        DataError: a row cannot be read or written and ``skip`` is not set, the target or an entry
            for it is there already, or nothing is left to write. Then no file is written.
    """
    _check(target, to, force=force)
    there = _layout_there(target, to, force=force) if llamafactory else None
    tally = Tally()
    draft = target.with_name(f".part-{target.name}")
    rows = read_rows(Data(path=source, format=form))
    try:
        write_records(draft, _records(rows, there or to, tally, for_llamafactory=there is not None))
        if tally.problems and not skip:
            raise _stopped(tally)
        if not tally.n_written:
            raise DataError(f"{shown(source)}: no row is left to write. {_told(tally)}")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    info = None
    if there is not None:
        told = dataset_info.entry(there, target.name, tally.keys)
        info = str(dataset_info.update(target.parent, target.stem, told))
    return {
        "source": shown(source),
        "target": shown(target),
        "to": to.name,
        "read": tally.n_read,
        "written": tally.n_written,
        "skipped": tally.n_read - tally.n_written,
        "mended": tally.n_mended,
        "lost": dict(tally.lost),
        "reasons": [
            {"reason": reason, "rows": len(places), "places": places[:PLACES_SHOWN]}
            for reason, places in tally.skipped.items()
        ],
        "dataset_info": info,
        "notices": [*tally.notices, *_one_file_for_all(source, tally.splits)],
    }


def _layout_there(target: Path, to: Format, *, force: bool) -> Format:
    """The format as LLaMA-Factory reads it, once nothing hinders an entry for the target."""
    there = dataset_info.layout_there(to)
    if there is None:
        raise DataError(
            f"LLaMA-Factory reads nothing like {to.name!r}. It reads: "
            f"{', '.join(dataset_info.FORMATS_THERE)}."
        )
    if shown(target) != str(target):
        raise DataError(f"{shown(target)}: a name that is not UTF-8. Choose another for OUT.")
    if not force:
        dataset_info.require_free(target.parent, target.stem, target.name)
    return there


def _one_file_for_all(source: str, splits: Counter[str]) -> Iterator[str]:
    if len(splits) > 1:
        counts = ", ".join(f"{n:,} of {split}" for split, n in splits.items())
        yield (
            f"{shown(source)}: rows of several splits are in the one file written: {counts}. "
            "Convert the files of each split by themselves to keep them apart."
        )


def _check(target: Path, to: Format, *, force: bool) -> None:
    if not to.takes:
        writable = [name for name in FORMATS.entries if FORMATS.load(name).takes]
        raise DataError(
            f"format {to.name!r} can be read, but not written. Choose one of: "
            f"{', '.join(sorted(writable))}."
        )
    require_writable(target)
    name = shown(target)
    if target.exists() and not force:
        raise DataError(f"{name}: is there already. Choose another name, or overwrite: --force.")
    if not target.parent.is_dir():
        raise DataError(f"{name}: the folder {shown(target.parent)} does not exist. Make it first.")


def _records(
    rows: Iterable[Row | Notice], to: Format, tally: Tally, *, for_llamafactory: bool
) -> Iterator[Record]:
    """Each row in its new format; the others are counted."""
    for row in rows:
        if isinstance(row, Notice):
            tally.notices.append(row.text)
            continue
        tally.n_read += 1
        if row.example is None:
            tally.skip(row.origin, row.reason, is_problem=row.fate == "rejected")
            continue
        if not isinstance(row.example, to.takes):
            kind = type(row.example).__name__
            tally.skip(row.origin, f"format {to.name!r} cannot hold a {kind}")
            continue
        try:
            record = to.record(row.example)
        except DataError as error:
            tally.skip(row.origin, str(error).removeprefix(f"{row.origin}: "))
            continue
        if for_llamafactory and (reason := dataset_info.refusal(to, record)):
            tally.skip(row.origin, reason)
            continue
        tally.n_written += 1
        tally.splits[row.split] += 1
        tally.n_mended += bool(row.mended)
        tally.lost.update(to.lost(row.example))
        tally.keys.update(record)
        yield record


def _stopped(tally: Tally) -> DataError:
    text = str(summed_up(tally.problems)).replace("data.bad_rows=reject", "--skip")
    return DataError(f"{text}\nNothing was written.")


def _told(tally: Tally) -> str:
    reasons = [f"{len(places)} skipped: {reason}" for reason, places in tally.skipped.items()]
    return "; ".join(reasons) or "The source is empty."
