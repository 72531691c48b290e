"""Clean dialogues: exports of chats and tickets -> conversations to learn from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.files.located import shown
from tunesmith.data.files.write import require_writable, write_records
from tunesmith.data.format import Format, Record
from tunesmith.data.formats.dialogsum import DialogSum
from tunesmith.data.formats.messages import ChatMessages
from tunesmith.data.formats.sharegpt import ShareGPT
from tunesmith.data.source import find_files
from tunesmith.synthesize.dialogues.account import Account
from tunesmith.synthesize.dialogues.clean import Cleaned, Cleaning, Turn, clean_conversation
from tunesmith.synthesize.dialogues.fields import Chosen
from tunesmith.synthesize.dialogues.gather import Gathered
from tunesmith.synthesize.dialogues.marks import MENTION
from tunesmith.synthesize.dialogues.numbers import find_numbers
from tunesmith.synthesize.dialogues.people import is_person
from tunesmith.synthesize.dialogues.read_export import Export
from tunesmith.synthesize.dialogues.roles import Roles
from tunesmith.synthesize.dialogues.said import Said
from tunesmith.synthesize.dialogues.seen import Seen
from tunesmith.synthesize.dialogues.windows import part_into_windows

Target = Literal["messages", "sharegpt", "summary"]
FORMATS: dict[Target, Format] = {
    "messages": ChatMessages(),
    "sharegpt": ShareGPT(),
    "summary": DialogSum(),
}
INSTRUCTION = DialogSum().instruction
SPEAKERS = {"customer": "user", "agent": "agent"}
"""How a summary's dialogue names its sides."""


@dataclass(frozen=True)
class Wanted:
    """What is written.

    Attributes:
        max_turns: of a window; None: conversations stay whole.
        max_chars: of a window.
    """

    to: Target = "messages"
    max_turns: int | None = None
    max_chars: int | None = None
    cleaning: Cleaning = field(default_factory=Cleaning)


def clean_dialogues(
    sources: Sequence[str],
    out: Path,
    *,
    wanted: Wanted | None = None,
    chosen: Chosen | None = None,
    agents: Sequence[str] = (),
    force: bool = False,
) -> dict[str, Any]:
    """Reads exports and writes cleaned conversations.

    Args:
        sources: files, folders or patterns.
        out: file to write; its name decides between JSON lines, JSON and Parquet.
        wanted: what is written, and how it is cleaned.
        chosen: fields that their names do not tell.
        agents: names of the agents, or patterns; empty: told by the data.
        force: overwrite the file.

    Returns:
        ``conversations`` (``found`` = ``written`` + ``skipped``, with ``reasons``), ``messages``
        (``found`` = ``kept`` + ``merged`` + ``dropped``, with ``reasons``), ``rows``, ``masked``
        by kind, ``told_by``, ``files`` (``name``, ``shape``, ``fields``), ``notices`` and ``out``.

    Raises:
        DataError: a file cannot be read, its fields are unclear, or nothing is left to write.
    """
    wanted = wanted or Wanted()
    _check(out, wanted, force=force)
    account, roles = Account(), Roles(agents)
    files: list[dict[str, Any]] = []
    draft = out.with_name(f".part-{out.name}")
    try:
        with closing(Seen()) as seen:
            exports = _exports(sources, chosen or Chosen(), roles, account)
            write_records(draft, _records(exports, wanted, account, seen, files))
        if agents and not roles.n_matched:
            raise DataError(
                f"no speaker matches --agent {', '.join(map(repr, agents))}. Give a name as the "
                "export has it, or a pattern such as '*@acme.com'."
            )
        if not account.n_rows:
            raise DataError(_nothing(sources, account))
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return {**account.as_dict(), "files": files, "to": wanted.to, "out": shown(out)}


def _check(out: Path, wanted: Wanted, *, force: bool) -> None:
    name = shown(out)
    require_writable(out)
    if out.exists() and not force:
        raise DataError(f"{name}: is there already. Choose another name, or overwrite: --force.")
    if not out.parent.is_dir():
        raise DataError(f"{name}: the folder {shown(out.parent)} does not exist. Make it first.")
    if wanted.to == "summary" and (wanted.max_turns or wanted.max_chars):
        raise DataError(
            "--max-turns and --max-chars part a conversation, and a summary is of a whole one. "
            "Leave them away, or write --to messages."
        )


def _exports(
    sources: Sequence[str], chosen: Chosen, roles: Roles, account: Account
) -> Iterator[Export]:
    for source in sources:
        found = find_files(source, tell=lambda notice: account.notices.append(notice.text))
        for files in found.values():
            for file in files:
                yield Export(file, chosen, roles, account)


def _records(
    exports: Iterator[Export],
    wanted: Wanted,
    account: Account,
    seen: Seen,
    files: list[dict[str, Any]],
) -> Iterator[Record]:
    """Every row, ready to be written; what is not written is counted."""
    for export in exports:
        for found, settled in export.conversations():
            if export.shape != "tweetsumm":
                account.find(0)
            messages = settled.messages or found.messages
            if settled.problem:
                _skip(account, settled.problem, found, messages)
                continue
            yield from _rows(found, messages, settled.told_by, wanted, account, seen)
        fields = export.fields
        files.append(
            {
                "name": export.name,
                "shape": export.shape,
                "fields": fields.as_dict() if fields else {},
            }
        )


def _rows(
    found: Gathered,
    messages: Sequence[Said],
    told_by: str,
    wanted: Wanted,
    account: Account,
    seen: Seen,
) -> Iterator[Record]:
    """The rows of one conversation."""
    is_summary = wanted.to == "summary"
    extra = [found.summary] if is_summary and found.summary else []
    cleaned = clean_conversation(
        messages, wanted.cleaning, extra=extra, companies=_companies(messages)
    )
    parted = part_into_windows(
        cleaned.turns, max_turns=wanted.max_turns, max_chars=wanted.max_chars
    )
    windows = [tuple(cleaned.turns)] if is_summary else parted.windows
    problem = _problem(cleaned, len(parted.windows), wanted, has_summary=bool(extra))
    origin = messages[0].origin
    written = [turn for window in windows for turn in window]
    if not problem and seen.twin(written, cleaned.extra, origin) is not None:
        problem = "says the same as an earlier conversation"
    for reason, place in cleaned.dropped:
        account.drop(reason, place)
    if problem:
        left = [place for turn in cleaned.turns for place in turn.origins]
        account.skip(problem, origin, left)
        return
    if not is_summary:
        for reason, place in parted.dropped:
            account.drop(reason, place)
    account.told_by[told_by] += 1
    account.n_masked.update(cleaned.n_masked)
    account.write(windows)
    name = _without_personal(found.name, wanted.cleaning)
    group = _without_personal(found.group or found.name or origin, wanted.cleaning)
    for number, window in enumerate(windows, 1):
        place = window[0].origins[0]
        example = _example(window, cleaned.extra, place, group)
        yield {
            **FORMATS[wanted.to].record(example),
            "origin": place,
            "source_id": name,
            "window": number,
            "windows": len(windows),
            "n_messages": sum(len(turn.origins) for turn in window),
            "n_masked": cleaned.n_masked.total(),
        }


def _problem(cleaned: Cleaned, n_windows: int, wanted: Wanted, *, has_summary: bool) -> str:
    """Why a conversation is not written; empty where it is."""
    sides = {turn.side for turn in cleaned.turns}
    if not cleaned.turns:
        return "nothing left after cleaning"
    if sides == {"agent"}:
        return "only the agent speaks"
    if sides == {"customer"}:
        return "no answer of an agent"
    if wanted.to == "summary":
        return "" if has_summary else "no summary"
    if n_windows:
        return ""
    if [turn.side for turn in cleaned.turns] == ["agent", "customer"]:
        return "no answer of an agent to what the customer says"
    return f"every question with its answer is longer than {wanted.max_chars:,} characters"


def _example(window: Sequence[Turn], extra: Sequence[str], origin: str, group: str) -> Conversation:
    if extra:
        dialogue = "\n".join(f"{SPEAKERS[t.side]}: {' '.join(t.text.split())}" for t in window)
        pair = (Message("user", INSTRUCTION, dialogue), Message("assistant", extra[0]))
        return Conversation(pair, origin, group=group)
    turns = (
        Message("user" if turn.side == "customer" else "assistant", turn.text) for turn in window
    )
    return Conversation(tuple(turns), origin, group=group)


def _skip(account: Account, reason: str, found: Gathered, messages: Sequence[Said]) -> None:
    place = found.messages[0].origin if found.messages else ""
    account.skip(reason, place, [message.origin for message in messages])


def _companies(messages: Sequence[Said]) -> set[str]:
    """What is no person's name: accounts of the company, and whom customers address with @."""
    named = {m.speaker for m in messages if m.side == "agent" and not is_person(m.speaker)}
    for message in messages:
        if message.side == "customer" and "@" in message.text:
            named |= {handle.lstrip("@") for handle in MENTION.findall(message.text)}
    return {name for name in named if name}


def _without_personal(name: str, cleaning: Cleaning) -> str:
    """An id; its hash where it is a mail address or a phone number."""
    if cleaning.keep_personal or not name:
        return name
    kinds = {found.kind for found in find_numbers(name)}
    is_personal = bool(kinds & {"email", "phone", "card", "account"}) or re.search(r"\s", name)
    return blake2b(name.encode(), digest_size=8).hexdigest() if is_personal else name


def _nothing(sources: Sequence[str], account: Account) -> str:
    told = account.as_dict()
    reasons = [
        f"{entry['conversations']:,} skipped: {entry['reason']} ({entry['places'][0]})"
        for entry in told["conversations"]["reasons"]
    ] or [
        f"{entry['messages']:,} messages dropped: {entry['reason']} ({entry['places'][0]})"
        for entry in told["messages"]["reasons"]
    ]
    names = ", ".join(shown(source) for source in sources)
    return f"{names}: no conversation is left to write. {'; '.join(reasons)}."
