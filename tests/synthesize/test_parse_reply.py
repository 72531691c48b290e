"""Replies as models write them, each with what is to be read of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tunesmith.synthesize.parse_reply import LONGEST, parse_reply, reply_schema

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "replies.jsonl").read_text("utf-8").split("\n")
    if line
]


class Pair(BaseModel):
    question: str
    answer: str
    evidence: str


def parse(text: str, finish_reason: str = "stop"):
    return parse_reply(text, Pair, finish_reason=finish_reason)


def check(case) -> None:
    parsed = parse(case["text"], case["finish_reason"])
    assert [value.model_dump() for value in parsed.values] == case["pairs"]
    assert parsed.is_complete == case["complete"]
    assert (parsed.is_cut, parsed.is_refusal) == (case["cut"], case["refusal"])


def named(*kinds: bool):
    chosen = [c for c in CASES if c["complete"] in kinds and not c["cut"]]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: f"{c['language']}-{c['name']}")


def test_there_are_thirty_shapes_and_more_in_two_languages():
    for language in ("en", "zh"):
        assert len({case["name"] for case in CASES if case["language"] == language}) >= 30


@named(True)
def test_case_50_whatever_stands_around_it_is_parsed(case):
    check(case)


@named(False)
def test_case_51_what_is_malformed_is_not_accepted_and_what_is_whole_is_kept(case):
    check(case)


@pytest.mark.parametrize("case", [c for c in CASES if c["cut"]], ids=lambda c: c["name"])
def test_case_52_what_is_truncated_is_never_complete(case):
    check(case)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.builds(Pair, question=TEXTS, answer=TEXTS, evidence=TEXTS), min_size=1))
def test_strict_json_is_read_as_it_is(pairs):
    unique = [pair for n, pair in enumerate(pairs) if pair not in pairs[:n]]
    text = json.dumps({"items": [pair.model_dump() for pair in pairs]}, ensure_ascii=False)
    parsed = parse(text)
    assert parsed.is_complete and list(parsed.values) == unique


@given(st.builds(Pair, question=TEXTS, answer=TEXTS, evidence=TEXTS), st.data())
def test_no_cut_makes_a_pair_that_was_not_written(pair, data):
    text = json.dumps([pair.model_dump()], ensure_ascii=False)
    parsed = parse(text[: data.draw(st.integers(0, len(text) - 1))])
    assert not parsed.is_complete
    assert parsed.values in ((), (pair,))


@given(st.text(alphabet="{}[]\"'“”,:，： \n\\ab1/"))
def test_any_text_is_answered(text):
    parse(text)


@pytest.mark.parametrize(
    "text",
    ["[" * LONGEST, '{"a": "' * 20_000, "{'" * 90_000, '[{"a":1},' * 20_000, "/*" * 90_000],
    ids=["brackets", "texts", "quotes", "objects", "comments"],
)
def test_no_reply_takes_for_ever(text):
    started = time.process_time()
    assert not parse(text).is_complete
    assert time.process_time() - started < 5


def test_the_schema_is_as_strict_as_openai_wants_it():
    schema = reply_schema(Pair, at_most=3)
    items = schema["properties"]["items"]
    assert schema["required"] == ["items"] and schema["additionalProperties"] is False
    assert items["maxItems"] == 3 and items["items"]["additionalProperties"] is False
    assert items["items"]["required"] == ["question", "answer", "evidence"]


def test_an_escape_of_half_a_character_is_replaced_and_two_halves_are_joined():
    text = r'{"question": "why \ud83d?", "answer": "\ud83d\ude00", "evidence": "“b” \udc00"}'
    assert parse(text).values == (Pair(question="why \ufffd?", answer="😀", evidence="“b” \ufffd"),)
    assert parse(text[:-1] + ",}").values[0].question == "why \ufffd?", "read with slips too"
