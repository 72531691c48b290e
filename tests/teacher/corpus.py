"""A corpus of documents with planted facts, and a teacher that knows just these."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from planted import Planted, planted

from tunesmith.synthesize.teacher.script import Asked, Reply

PER_DOCUMENT = 4


def write_corpus(folder: Path, n_documents: int, seed: int = 0) -> list[Planted]:
    """Documents with four facts each, one paragraph a fact; every second fact in Chinese."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = planted(n_documents * PER_DOCUMENT, seed)
    for number in range(n_documents):
        own = facts[number * PER_DOCUMENT : (number + 1) * PER_DOCUMENT]
        text = "\n\n".join(fact.passage for fact in own)
        (folder / f"manual-{number:04d}.txt").write_text(text, "utf-8")
    return facts


class FactTeacher:
    """Writes a pair for every fact of a passage, and finds every pair good.

    Attributes:
        invents: numbers of facts whose answer gets another figure.
        doubts: numbers of facts that are found unsupported.
        mumbles: numbers of facts whose verdict is broken.
    """

    def __init__(
        self,
        facts: list[Planted],
        *,
        invents: Collection[int] = (),
        doubts: Collection[int] = (),
        mumbles: Collection[int] = (),
        delay_s: float = 0.0,
    ) -> None:
        self.facts = facts
        self.invents, self.doubts, self.mumbles = invents, doubts, mumbles
        self.delay_s = delay_s

    def __call__(self, asked: Asked) -> Reply:
        made = self._verdicts(asked) if verifies(asked) else self._pairs(asked)
        text = json.dumps({"items": made}, ensure_ascii=False)
        return Reply(text, delay_s=self.delay_s, model="fact-teacher")

    def _pairs(self, asked: Asked) -> list[dict[str, Any]]:
        passage = "\n".join(message["content"] for message in asked.messages)
        return [
            {
                "question": fact.question,
                "answer": "31337 hours" if fact.number in self.invents else fact.answer,
                "quote": fact.evidence,
                "style": "fact",
            }
            for fact in self.facts
            if fact.evidence in passage
        ]

    def _verdicts(self, asked: Asked) -> list[dict[str, Any]]:
        by_question = {fact.question: fact.number for fact in self.facts}
        found = [json.loads(line) for line in re.findall(r'^\{"number": .*\}$', asked.text, re.M)]
        return [self._verdict(one["number"], by_question[one["question"]]) for one in found]

    def _verdict(self, number: int, fact: int) -> dict[str, Any]:
        return {
            "number": number + 1000 if fact in self.mumbles else number,
            "reason": "",
            "answerable": True,
            "supported": fact not in self.doubts,
            "self_contained": True,
        }


def verifies(asked: Asked) -> bool:
    """Whether a request is for verdicts."""
    return "self_contained" in json.dumps(asked.schema)
