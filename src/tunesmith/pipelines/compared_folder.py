"""Compared folder: what a comparison has left, for whoever prefers one answer to another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError
from tunesmith.core.runs import Run

COMPARISON, EXAMPLES = "comparison.json", "examples.jsonl"


@dataclass(frozen=True, slots=True)
class AnsweredExample:
    """One example with every model's answer.

    Attributes:
        number: its place among the examples.
        origin: where it was read.
        cluster: the document or dialogue it is of; its number where it stands alone.
        prompt: what was asked, roles named where several spoke.
        reference: the first reference answer.
        answers: by model.
        cut: models whose answer the token limit cut.
    """

    number: int
    origin: str
    cluster: str
    prompt: str
    reference: str
    answers: Mapping[str, str]
    cut: frozenset[str] = frozenset()

    def key(self, one: str, other: str) -> str:
        """What names a choice between two models' answers: its texts, whoever wrote them."""
        both = sorted((text_key(self.answers[one]), text_key(self.answers[other])))
        return text_key("\n".join([text_key(self.prompt), *both]))


@dataclass(frozen=True)
class Compared:
    """A comparison that is on the disk.

    Attributes:
        folder: that it is in.
        result: what ``comparison.json`` holds.
        examples: all of them, in order.
    """

    folder: Path
    result: dict[str, Any]
    examples: tuple[AnsweredExample, ...]

    @cached_property
    def names(self) -> list[str]:
        """The models that wrote texts, in the order of the table."""
        written = [set(example.answers) for example in self.examples]
        return [name for name in self.result["models"] if all(name in one for one in written)]

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every two models, the later against the earlier, as in the table of differences."""
        for other, one in combinations(self.names, 2):
            yield one, other


def read_compared(folder: Path, result: dict[str, Any] | None = None) -> Compared:
    """Reads a comparison.

    Args:
        folder: the ``out`` of a comparison.
        result: what it found, where that is known; None: what is kept.

    Raises:
        RunError: there is none, or it is broken.
    """
    if not (folder / EXAMPLES).is_file():
        raise RunError(
            f"{folder}: holds no comparison. Make one first: tunesmith compare MODEL MODEL --out "
            f"{folder}"
        )
    run = Run(folder)
    found = run.read(COMPARISON) if result is None else result
    try:
        lines = run.lines(EXAMPLES)
        examples = tuple(
            _example(number, line, list(found["models"])) for number, line in enumerate(lines)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder / EXAMPLES}: is broken ({error!r}). Run the comparison again; answers are "
            "kept."
        ) from None
    return Compared(folder, found, examples)


def text_key(text: str) -> str:
    """A hash that stands for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _example(number: int, line: Mapping[str, Any], names: list[str]) -> AnsweredExample:
    turns = line.get("turns")
    told = [f"{role}: {text}" for role, text in turns] if turns else [line["prompt"]]
    first = line["references"][0] if line.get("references") else ""
    return AnsweredExample(
        number,
        line["origin"],
        line.get("cluster", str(number)),
        "\n\n".join(told),
        first if isinstance(first, str) else json.dumps(first, ensure_ascii=False),
        {
            name: str(row["text"])
            for name in names
            if (row := line["answers"].get(name)) and row.get("text") is not None
        },
        frozenset(name for name in names if (line["answers"].get(name) or {}).get("cut")),
    )
