"""Extract: questions made of a passage by rule, with its own words as answers. No language model.

A figure or a name of a sentence is left out; the question is what stands in the gap, the answer is
what was left out, and the evidence is the sentence. So a newcomer can try the whole way from
documents to a tuned model without a key, and everything in the result is true to its source.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith.synthesize.sentences import sentences
from tunesmith.synthesize.teacher.script import Asked, Reply

MODEL = "demo-extractive-no-language-model"
"""What every reply says in its ``model`` field."""
PASSAGE = re.compile(r"<passage>\n?(.*?)\n?</passage>", re.DOTALL | re.IGNORECASE)
FIGURE = re.compile(
    r"(?<![\w.])\d+(?:[.,:]\d+)*(?:\s?%)?(?![\w])|\d+(?:[.,]\d+)*(?=[\u4e00-\u9fff])"
)
NAME = re.compile(r"(?<=\w )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
QUOTED = re.compile(r"(?<=[“「『《])[^”」』》]{2,20}(?=[”」』》])")
WORD = re.compile(r"(?<![\w])[a-zA-Z]{6,}(?![\w])|[\u4e00-\u9fff]{2,4}(?=[。，；、])")
HAN = re.compile(r"[\u4e00-\u9fff]")
GAP = "____"
SHORTEST, LONGEST = 12, 400
"""Characters of a sentence that a question is made of."""
N_PAIRS = 3
QUESTIONS = {
    "en": "What stands in the gap of this sentence? {}",
    "zh": "下面这句话的空格里应填什么？{}",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """A question, its answer, and the sentence of the passage that holds it."""

    question: str
    answer: str
    evidence: str


def passage_of(asked: Asked) -> str:
    """What the request is about: between ``<passage>`` and ``</passage>``, else all the user said.

    The last such passage counts, so examples before it do no harm.
    """
    found = PASSAGE.findall(asked.text)
    return found[-1] if found else asked.text


def questions_on(passage: str, n: int, seed: int = 0) -> list[Extracted]:
    """Questions on a passage, at most one of a sentence; fewer where it holds fewer.

    Args:
        passage: the text, in English, Chinese or a language like these.
        n: how many at most.
        seed: which sentences are taken where there are more.
    """
    found = [made for start, end in sentences(passage) if (made := _on(passage[start:end].strip()))]
    if len(found) <= n:
        return found
    chosen = sorted(random.Random(f"{seed}\n{passage}").sample(range(len(found)), n))
    return [found[i] for i in chosen]


def reply_from_passage(asked: Asked) -> Reply:
    """Answers a request: in the shape of its schema if it has one, in words else."""
    passage = passage_of(asked)
    if asked.schema is not None:
        made = questions_on(passage, _n_wanted(asked.schema))
        return Reply(json.dumps(_fill(asked.schema, made), ensure_ascii=False), model=MODEL)
    made = questions_on(passage, 1)
    spans = sentences(passage)
    said = made[0].evidence if made else passage[slice(*spans[0])].strip() if spans else ""
    return Reply(said or "There is nothing to answer from.", model=MODEL)


def _on(sentence: str) -> Extracted | None:
    if (
        not SHORTEST <= len(sentence) <= LONGEST
        or "\n" in sentence
        or sentence.endswith(("?", "？"))
    ):
        return None
    found = next((m for kind in (FIGURE, QUOTED, NAME, WORD) if (m := kind.search(sentence))), None)
    if found is None or sentence.count(found[0]) != 1:  # else the gap would be no gap
        return None
    gapped = sentence[: found.start()] + GAP + sentence[found.end() :]
    asked_in = "zh" if HAN.search(sentence) else "en"
    return Extracted(QUESTIONS[asked_in].format(gapped), found[0], sentence)


def _n_wanted(schema: Mapping[str, Any]) -> int:
    for part in _parts(schema):
        if part.get("type") == "array":
            return int(part.get("maxItems", part.get("minItems", N_PAIRS)))
    return 1


def _parts(schema: Any) -> list[Mapping[str, Any]]:
    """A schema and all within it."""
    if isinstance(schema, Mapping):
        return [schema, *(part for value in schema.values() for part in _parts(value))]
    return [part for value in schema for part in _parts(value)] if isinstance(schema, list) else []


def _fill(schema: Mapping[str, Any], made: list[Extracted], root: Any = None) -> Any:
    """A value of a schema; fields are known by their names, others are filled by their types."""
    root = schema if root is None else root
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return _fill(root.get("$defs", {}).get(name, {}), made, root)
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            return {
                key: _field(key, part, made, root)
                for key, part in schema.get("properties", {}).items()
            }
        case "array":
            return [_fill(schema.get("items", {}), [one], root) for one in made]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return ""


def _field(key: str, schema: Mapping[str, Any], made: list[Extracted], root: Any) -> Any:
    if schema.get("type", "string") == "string" and not schema.get("enum") and made:
        first = made[0]
        known = {
            **dict.fromkeys(("question", "instruction", "prompt"), first.question),
            **dict.fromkeys(("answer", "output", "response", "summary"), first.answer),
            **dict.fromkeys(("evidence", "quote", "support"), first.evidence),
        }
        if key in known:
            return known[key]
    return _fill(schema, made, root)
