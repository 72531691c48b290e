"""Edits: what a person wrote anew, checked before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.synthesize.kinds.stretch import stretch_of
from tunesmith.synthesize.loopback import Refusal


def has_draft(row: Mapping[str, Any]) -> bool:
    """Whether there is anything that can be accepted; not where an item could not be used."""
    is_empty = not any(row.get(name) for name in ("turns", "quotes", "label"))
    return not (is_empty and str(row.get("reason")).startswith("not usable"))


def checked_edit(
    row: Mapping[str, Any], given: Mapping[str, Any], passage: str | None
) -> dict[str, Any]:
    """The fields that an edit changes.

    Args:
        row: as it stands.
        given: ``turns``, ``label`` and ``rejected``, those that were sent.
        passage: the text that an answer of extractive questions has to stand in.

    Raises:
        Refusal: the edit has the wrong shape, leaves something empty, changes nothing, or marks an
            answer that does not stand in the passage.
    """
    edit: dict[str, Any] = {}
    if "turns" in given:
        edit["turns"] = _turns(row, given["turns"])
    for name in ("label", "rejected"):
        if name in given:
            edit[name] = _words(given[name], name, row.get(name))
    edit = {name: value for name, value in edit.items() if value != row.get(name)}
    if not edit:
        raise Refusal(422, "Nothing was changed. Accept the row, or cancel.")
    if row.get("kind") == "span-qa" and passage is not None:
        for turn in edit.get("turns", ()):
            turn["answer"] = _stretch(passage, turn["answer"])
    answers = [turn["answer"] for turn in edit.get("turns", row.get("turns") or ())]
    rejected = edit.get("rejected", row.get("rejected"))
    if rejected and _bare(rejected) in map(_bare, answers):
        raise Refusal(422, "The two answers are the same. Make them differ, or reject the pair.")
    return edit


def _stretch(passage: str, answer: str) -> str:
    """The answer as it stands in the passage; line ends may have been written as spaces."""
    try:
        return stretch_of(passage, answer, "answer")
    except ValueError as error:
        raise Refusal(422, f"{error}. Copy it from the passage, word for word.") from None


def _bare(text: str) -> str:
    return "".join(text.casefold().split())


def _turns(row: Mapping[str, Any], given: Any) -> list[dict[str, str]]:
    turns = row.get("turns") or []
    if not isinstance(given, list) or len(given) != len(turns):
        raise Refusal(422, f"The row has {len(turns)} turns; as many have to be sent.")
    edited = []
    for number, (old, new) in enumerate(zip(turns, given, strict=True), 1):
        if not isinstance(new, dict):
            raise Refusal(422, f"Turn {number} is no object.")
        where = f" of turn {number}" if len(turns) > 1 else ""
        written = {
            name: _words(new.get(name), name + where, old.get(name))
            for name in ("request", "answer")
        }
        edited.append({**old, **written})
    return edited


def _words(value: Any, name: str, old: Any) -> str:
    if not isinstance(value, str):
        raise Refusal(422, f"The {name} has to be text.")
    if value == old:
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refusal(422, f"The {name} holds half a character.") from None
    if not value.strip() and old:
        raise Refusal(422, f"The {name} is empty. Write it, or reject the row.")
    return value
