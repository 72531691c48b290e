"""Judge reply: what a judge is asked about two answers, and what its reply says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.evaluation.duels import Place
from tunesmith.evaluation.rubrics import Rubric
from tunesmith.pipelines.compared_folder import AnsweredExample, text_key
from tunesmith.synthesize.kinds.kind import Item
from tunesmith.synthesize.parse_reply import parse_reply, reply_schema
from tunesmith.synthesize.prompts.prompts import PLACEHOLDER, read_prompt

PROMPT = Path(__file__).parent / "judge.en.txt"
ROOM, ROOM_AROUND = 120, 200
"""Tokens of one verdict in a reply, and of what stands around them."""
WORDS = {"a": "A", "b": "B", "answer a": "A", "answer b": "B", "tie": "tie", "tied": "tie"}
WORDS |= {"neither": "tie", "both": "tie", "equal": "tie", "draw": "tie"}
"""Verdicts as they are written, in small letters."""


class Said(Item):
    """What a judge says by one criterion."""

    criterion: str = ""
    """Its name; may be left out where one alone was asked."""
    reason: str = ""
    """Asked for before the verdict: what is written first is what the rest is decided by."""
    verdict: Literal["A", "B", "tie"]

    @field_validator("verdict", mode="before")
    @classmethod
    def _plain(cls, told: Any) -> Any:
        is_text = isinstance(told, str)
        return WORDS.get(told.strip(" .*\"'").casefold(), told) if is_text else told


def judge_question(example: AnsweredExample, first: str, second: str, rubric: Rubric) -> Request:
    """What is asked about two answers, which are told from each other by their place alone.

    Args:
        example: what they answer.
        first: the text of answer A.
        second: the text of answer B.
        rubric: by what they are judged.
    """
    parts = {"REQUEST": example.prompt}
    if rubric.shows_reference:
        parts["REFERENCE ANSWER"] = example.reference
    parts |= {"ANSWER A": first, "ANSWER B": second}
    # No text can hold the mark, which is a hash of them all: none can end its own quotation.
    mark = text_key(json.dumps(parts))[:10]
    form = {"criterion": rubric.names[0], "reason": "...", "verdict": "A or B or tie"}
    values = {
        "mark": mark,
        "material": "\n\n".join(
            f"<<<{name} {mark}>>>\n{text}\n<<<END {mark}>>>" for name, text in parts.items()
        ),
        "criteria": "\n".join(f"- {one.name}: {one.description}" for one in rubric.criteria),
        "form": json.dumps(form, ensure_ascii=False),
    }
    text = PLACEHOLDER.sub(lambda found: values[found[1]], read_prompt(PROMPT).text)
    room = ROOM_AROUND + ROOM * len(rubric.criteria)
    return Request(
        ({"role": "user", "content": text},), Sampling(max_new_tokens=room), _schema(rubric)
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reply says by one criterion.

    Attributes:
        place: which answer is better; None: missing, contradicts itself or is broken.
        reason: that it gives first.
    """

    place: Place | None = None
    reason: str = ""


def verdicts_of(text: str, finish_reason: str, rubric: Rubric) -> dict[str, Verdict]:
    """The verdict by each criterion.

    Args:
        text: as the judge wrote it.
        finish_reason: why it ended.
        rubric: that it was asked by.
    """
    known = {name.casefold(): name for name in rubric.names}
    alone = rubric.names[0] if len(rubric.names) == 1 else None
    found: dict[str, list[Said]] = {name: [] for name in rubric.names}
    if finish_reason in ("stop", "length"):
        for said in parse_reply(text, Said, finish_reason=finish_reason).values:
            told = " ".join(said.criterion.split()).strip(" *\"'").casefold()
            name = known.get(told, alone if not told else None)
            if name is not None:
                found[name].append(said)
    return {name: _verdict(said) for name, said in found.items()}


def _verdict(said: list[Said]) -> Verdict:
    places = {one.verdict for one in said}
    reason = next((one.reason.strip() for one in said if one.reason.strip()), "")
    return Verdict(said[0].verdict if len(places) == 1 else None, reason)


def _schema(rubric: Rubric) -> dict[str, Any]:
    schema = reply_schema(Said, at_most=len(rubric.criteria))
    criterion = schema["properties"]["items"]["items"]["properties"]["criterion"]
    criterion["enum"] = list(rubric.names)
    return schema
