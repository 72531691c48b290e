"""The layouts of TweetSumm: what is said and how it was summed up, wherever a record has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.data.format import Record, text_field
from tunesmith.data.formats.calls import from_json

LOG, USER, AGENT, INFO = "log", "user utterance", "system response", "original dialog info"
BREAK = "<BR>"
CUSTOMER = re.compile(r"(\d+): ")
"""Customers are numbers, and the companies that answer them have names."""
SPEAKER = re.compile(r"(\w+): ")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue with its summaries."""

    turns: Sequence[tuple[str, str]]
    """Speaker (``user``, ``agent`` or unknown: nothing) and what is said, as it is written."""
    summaries: Sequence[str]
    group: str = ""


Read = Callable[[Record, str], Dialogue]


def layout_of(record: Record) -> Read | None:
    """The function that reads a record's layout, or None."""
    if isinstance(record.get(LOG), list) and INFO in record:
        return _read_log
    if isinstance(record.get("dialog"), Mapping) and "summaries" in record:
        return _read_original
    if "tweet_ids_sentence_offset" in record:
        return _refuse_ids
    if BREAK in str(record.get("inputs", "")) and "summaries" in record:
        return _read_cleaned
    if CUSTOMER.match(str(record.get("dialog", ""))) and "summary" in record:
        return _read_extracts
    return None


def _read_log(record: Record, origin: str) -> Dialogue:
    turns: list[tuple[str, str]] = []
    for turn in cast("list[Any]", record[LOG]):
        if not isinstance(turn, Mapping):
            raise DataError(f"{origin}: a turn under {LOG!r} is not an object.")
        for speaker, key in (("user", USER), ("agent", AGENT)):
            said = cast("Record", turn).get(key)
            if not isinstance(said, str | None):
                raise DataError(f"{origin}: {key!r} of a turn is no text.")
            turns.append((speaker, said or ""))
    info = record[INFO]
    if isinstance(info, str):
        try:
            info = from_json(info)
        except ValueError as error:
            raise DataError(f"{origin}: {INFO!r} holds broken JSON: {error}.") from None
    found = cast("Record", info).get("summaries") if isinstance(info, Mapping) else None
    return Dialogue(turns, _summaries(found, f"{origin}: no summary under {INFO!r}"))


def _read_original(record: Record, origin: str) -> Dialogue:
    dialog = cast("Record", record["dialog"])
    said = dialog.get("turns")
    if not isinstance(said, list):
        raise DataError(f"{origin}: no list of turns under 'dialog'; it has {sorted(dialog)}.")
    turns: list[tuple[str, str]] = []
    for turn in cast("list[Any]", said):
        match turn:
            case {"is_agent": bool() as is_agent, "sentences": [*sentences]}:
                speaker = "agent" if is_agent else "user"
                turns.append((speaker, _joined(sentences)))
            case _:
                raise DataError(f"{origin}: a turn has no 'is_agent' and list of 'sentences'.")
    name = dialog.get("dialog_id")
    summaries = _summaries(record["summaries"], f"{origin}: no summary under 'summaries'")
    return Dialogue(turns, summaries, name if isinstance(name, str) else "")


def _refuse_ids(record: Record, origin: str) -> Dialogue:
    raise DataError(
        f"{origin}: the record holds the numbers of tweets and not their text. Take the files of "
        "the DialogStudio collection, or a table with the dialogues."
    )


def _read_cleaned(record: Record, origin: str) -> Dialogue:
    text = text_field(record, "inputs", origin, setting="the column")
    summary = text_field(record, "summaries", origin, setting="the column")
    turns = [("", turn.strip()) for turn in text.split(BREAK)]
    return Dialogue(turns, [summary])


def _read_extracts(record: Record, origin: str) -> Dialogue:
    """Lines of ``speaker: text``; a line that begins with no speaker goes on with the turn."""
    text = text_field(record, "dialog", origin, setting="the column")
    summary = text_field(record, "summary", origin, setting="the column")
    lines = text.removesuffix("\n").split("\n")
    begun = [match[1] for line in lines if (match := SPEAKER.match(line))]
    customer = begun[0]
    names = [name for name in begun if not name.isdecimal()]
    # A line that goes on with "Note: ..." looks like a speaker; mostly the company is addressed.
    company = next((name for name in names if f"@{name}" in text), names[0] if names else None)
    turns: list[tuple[str, str]] = []
    for line in lines:
        match = SPEAKER.match(line)
        if match and match[1] in (customer, company):
            turns.append(("user" if match[1] == customer else "agent", line[match.end() :]))
        else:
            speaker, said = turns.pop()
            turns.append((speaker, f"{said}\n{line}"))
    return Dialogue(turns, [summary], customer)


def _summaries(found: Any, problem: str) -> list[str]:
    """The abstractive summaries, each as one text; annotators who wrote none are left away."""
    by_annotator = (
        cast("Record", found).get("abstractive_summaries") if isinstance(found, Mapping) else None
    )
    if not isinstance(by_annotator, list):
        by_annotator = []
    joined = [_joined(sentences) for sentences in cast("list[Any]", by_annotator)]
    summaries = [text for text in joined if text]
    if not summaries:
        raise DataError(f"{problem}. Add one, or leave the record out with data.bad_rows=reject.")
    return summaries


def _joined(sentences: Any) -> str:
    if isinstance(sentences, str):
        return sentences.strip()
    if isinstance(sentences, list):
        return " ".join(str(s).strip() for s in cast("list[Any]", sentences)).strip()
    return ""
