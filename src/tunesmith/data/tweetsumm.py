r"""TweetSumm in the DialogStudio record form.

{"log": [{"user utterance": "My kettle leaks.", "system response": "A new one is on its way."}],
 "original dialog info": "{\"summaries\": {\"abstractive_summaries\": [[\"A kettle leaks.\"]]}}"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.clean import clean_turn
from tunesmith.data.format import Format, Record

INSTRUCTION = (
    "Below is a conversation between a human and an AI agent. Write a summary of the conversation."
)
TURNS, USER, AGENT, INFO = "log", "user utterance", "system response", "original dialog info"


class TweetSumm(Format):
    """Customer-support dialogues with summaries by several annotators (Feigenblat et al. 2021)."""

    name: Literal["tweetsumm"] = "tweetsumm"
    instruction: str = INSTRUCTION
    """What the model is asked to do with the dialogue."""
    annotator: int = Field(default=0, ge=0)
    """Whose summary is learnt, counted from 0 among those who wrote one; the others become further
    references for evaluation."""
    clean: bool = True
    """Whether links, mentions, signatures and entities are taken out of the turns."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By its list of turns and the info beside it."""
        return isinstance(record.get(TURNS), list) and INFO in record

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a request to summarise, and the chosen summary as its answer."""
        summaries = self._summaries(record, origin)
        if self.annotator >= len(summaries):
            raise DataError(
                f"{origin}: no summary by annotator {self.annotator}; the record has "
                f"{len(summaries)}. Lower data.format.annotator, or leave the record out "
                "with data.bad_rows=reject."
            )
        chosen = summaries.pop(self.annotator)
        return Conversation(
            (
                Message("user", self.instruction, self._dialogue(record, origin)),
                Message("assistant", chosen),
            ),
            origin,
            tuple(summaries),
        )

    def _dialogue(self, record: Record, origin: str) -> str:
        lines: list[str] = []
        turns = record.get(TURNS)
        if not isinstance(turns, list):
            raise DataError(f"{origin}: no list of turns under {TURNS!r}; it has {sorted(record)}.")
        for turn in cast("list[Any]", turns):
            if not isinstance(turn, Mapping):
                raise DataError(f"{origin}: a turn under {TURNS!r} is not an object.")
            for speaker, key in (("user", USER), ("agent", AGENT)):
                said = str(cast("Record", turn).get(key) or "")
                said = clean_turn(said) if self.clean else said.strip()
                if said:
                    lines.append(f"{speaker}: {said}")
        if not lines:
            raise DataError(f"{origin}: nobody says anything under {TURNS!r}.")
        return "\n".join(lines)

    def _summaries(self, record: Record, origin: str) -> list[str]:
        info = record.get(INFO)
        if isinstance(info, str):
            try:
                info = json.loads(info)
            except json.JSONDecodeError as error:
                raise DataError(f"{origin}: {INFO!r} holds broken JSON: {error.msg}.") from None
        found = cast("Record", info).get("summaries") if isinstance(info, Mapping) else None
        by_annotator = (
            cast("Record", found).get("abstractive_summaries")
            if isinstance(found, Mapping)
            else None
        )
        if not isinstance(by_annotator, list):
            by_annotator = []
        joined = [_joined(sentences) for sentences in cast("list[Any]", by_annotator)]
        summaries = [text for text in joined if text]
        if not summaries:
            raise DataError(
                f"{origin}: no summary under {INFO!r}. Add one, or leave the record out "
                "with data.bad_rows=reject."
            )
        return summaries


def _joined(sentences: Any) -> str:
    if isinstance(sentences, str):
        return sentences.strip()
    if isinstance(sentences, list):
        return " ".join(str(s).strip() for s in cast("list[Any]", sentences)).strip()
    return ""
