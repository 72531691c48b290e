"""Fill: a value of a JSON schema, with true things of a passage where its fields are known.

A list of items that a kind of rows asks for is known by the fields of an item. Any other schema is
filled by the names of its fields, then by their types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from tunesmith.synthesize.teacher.cloze import (
    Extracted,
    language_of,
    otherwise,
    questions_on,
    statements,
)

Json = dict[str, Any]
N_ITEMS = 3
"""Where a schema does not say how many."""
FACT = "fact"
"""All that these rules can ask about; of other styles they make nothing."""
SUMMARISE = {
    "en": "Summarise the following in one sentence.",
    "es": "Resume en una frase lo siguiente.",
    "ko": "다음 내용을 한 문장으로 요약하세요.",
    "zh": "用一句话概括以下内容。",
}


def fill_schema(schema: Mapping[str, Any], passage: str) -> Any:
    """A value of a schema about a passage; a list is shorter where the passage holds less."""
    for key, part in schema.get("properties", {}).items():
        item = _resolved(part.get("items", {}), schema)
        fields = item.get("properties", {})
        maker = next((make for known, make in MAKERS if known == {*fields} - {"style"}), None)
        if part.get("type") == "array" and maker is not None:
            n = int(part.get("maxItems", N_ITEMS))
            return {key: maker(passage, n, {k: _resolved(f, schema) for k, f in fields.items()})}
    return _fill(schema, questions_on(passage, _n_wanted(schema)), schema)


def _pairs(passage: str, n: int, fields: Json) -> list[Json]:
    styles = fields.get("style", {}).get("enum", [FACT])
    if FACT not in styles:
        return []
    style = {"style": FACT} if "style" in fields else {}
    return [{**_pair(made), **style} for made in questions_on(passage, n)]


def _preferences(passage: str, n: int, fields: Json) -> list[Json]:
    made = ((one, otherwise(one, passage)) for one in questions_on(passage, n))
    return [{**_pair(one), "worse_answer": worse} for one, worse in made if worse is not None]


def _dialogues(passage: str, n: int, fields: Json) -> list[Json]:
    fewest, most = fields["turns"].get("minItems", 2), fields["turns"].get("maxItems", 4)
    found = [_pair(made) for made in questions_on(passage, n * most)]
    parts = [found[i : i + most] for i in range(0, len(found), most)]
    return [{"turns": part} for part in parts if len(part) >= fewest]


def _summaries(passage: str, n: int, fields: Json) -> list[Json]:
    first, *more = [*statements(passage)] or [""]
    if not more:  # a summary of one sentence would be that sentence
        return []
    asked = SUMMARISE[language_of(first)]
    return [{"instruction": asked, "summary": first, "quotes": [first]}]


def _labelled(passage: str, n: int, fields: Json) -> list[Json]:
    """Sentences in order. Their labels are drawn, for no rule knows what a label means."""
    labels = fields["label"].get("enum", [""])
    return [
        {"quote": s, "label": labels[hashlib.sha256(s.encode()).digest()[0] % len(labels)]}
        for s in [*statements(passage)][:n]
    ]


MAKERS: tuple[tuple[set[str], Callable[[str, int, Json], list[Json]]], ...] = (
    ({"turns"}, _dialogues),
    ({"question", "answer", "quote", "worse_answer"}, _preferences),
    ({"instruction", "summary", "quotes"}, _summaries),
    ({"quote", "label"}, _labelled),
    ({"question", "answer", "quote"}, _pairs),
)
"""Fields of an item, a style left aside -> what makes such items."""


def _pair(made: Extracted) -> Json:
    return {"question": made.question, "answer": made.answer, "quote": made.evidence}


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return root.get("$defs", {}).get(str(schema["$ref"]).rsplit("/", 1)[-1], {})


def _n_wanted(schema: Mapping[str, Any]) -> int:
    for part in _parts(schema):
        if part.get("type") == "array":
            return int(part.get("maxItems", part.get("minItems", N_ITEMS)))
    return 1


def _parts(schema: Any) -> list[Mapping[str, Any]]:
    """A schema and all within it."""
    if isinstance(schema, Mapping):
        return [schema, *(part for value in schema.values() for part in _parts(value))]
    return [part for value in schema for part in _parts(value)] if isinstance(schema, list) else []


def _fill(schema: Mapping[str, Any], made: list[Extracted], root: Mapping[str, Any]) -> Any:
    schema = _resolved(schema, root)
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


def _field(
    key: str, schema: Mapping[str, Any], made: list[Extracted], root: Mapping[str, Any]
) -> Any:
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
