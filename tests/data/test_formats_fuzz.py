"""Ten thousand damaged records for every format: an example or an error each, and nothing else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example
from tunesmith.data import FORMATS

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TASK = {"id": "s", "instruction": "Add.", "instances": [{"input": "", "output": "2"}]}
TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]
CHAT = [
    {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
    {"role": "user", "content": "Add.", "weight": 0, "name": "Ana"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "2", "tool_call_id": "c1"},
    {"role": "assistant", "content": [{"type": "reasoning", "value": "x"}], "loss_weight": 1.0},
]
TOOLS = '[{"name": "add"}]'
CALLED = [
    {"from": "function_call", "value": '<think>x</think>{"name": "add", "arguments": {"a": 1}}'},
    {"from": "observation", "value": "2"},
    {"from": "gpt", "value": "2"},
]
ALPACA = {"instruction": "Add.", "input": "1 1", "system": "Be brief.", "history": [["a", "b"]]}
HUMAN = "\n\nHuman: Hi\n\nAssistant: "
ANSWERS = {"text": ["Tiber"], "answer_start": [13]}
ASKED = {"context": "Rome lies on Tiber.", "question": "On which river?", "answers": ANSWERS}
QUESTION = {"id": "q1", "question": "Where?", "answers": [{"text": "Tiber", "answer_start": 14}]}
PARAGRAPHS = [{"context": ASKED["context"], "qas": [QUESTION, {**QUESTION, "is_impossible": True}]}]
SUMMARIES = {"summaries": {"abstractive_summaries": [["It leaks."], None, "Broken."]}}
SAID = [{"is_agent": False, "sentences": ["It leaks."]}]
LOG = [{"user utterance": "It leaks.", "system response": "Sorry."}]
SEEDS: dict[str, list[dict[str, Any]]] = {
    "alpaca": [{**ALPACA, "output": "2", "group": "g"}, {"instruction": "", "input": "x"}],
    "columns": [
        {"prompt": "Hi", "completion": "Hello!"},
        {"prompt": CHAT[:2], "completion": CHAT[2:], "tools": TOOLS},
        {"问": "你好", "答": "好"},
    ],
    "dialogsum": [{"fname": "a", "dialogue": "A: hi", "summary": "x", "summary2": "y"}],
    "kto": [
        {"messages": CHAT, "label": True, "tools": [{"name": "add"}]},
        {"prompt": "Hi", "completion": "Hello!", "label": "false"},
        {**ALPACA, "output": "2", "kto_tag": True},
    ],
    "labels": [
        {"text": "A fine film.", "label": 1},
        {"review": "A fine film.", "labels": ["drama", "art"]},
        {"sentence": "A fine film.", "stars": 4.5},
    ],
    "messages": [{"messages": CHAT, "tools": [{"name": "add"}], "conversation_id": 7}],
    "preference": [
        {"conversations": TURNS[:1], "chosen": TURNS[1], "rejected": {**TURNS[1], "value": "?"}},
        {**ALPACA, "chosen": "2", "rejected": "3"},
        {"prompt": CHAT[:2], "chosen": CHAT[2:], "rejected": CHAT[4:]},
        {"chosen_messages": CHAT, "rejected_messages": [*CHAT[:2], CHAT[4]]},
        {"chosen": f"{HUMAN}Hello!", "rejected": f"{HUMAN}What?"},
    ],
    "self-instruct": [TASK],
    "sharegpt": [
        {"conversations": [TURNS[0], *CALLED], "tools": TOOLS, "system": "Be brief."},
        {"conversation": [{"human": "Hi", "assistant": "Hello!"}]},
        {"conversations": CHAT},
    ],
    "squad": [
        {"id": "q", "title": "Rome", **ASKED},
        {"data": [{"title": "Rome", "paragraphs": PARAGRAPHS}]},
        {"title": "Rome", "paragraphs": PARAGRAPHS},
    ],
    "text": [{"text": "Once upon a time.", "doc_id": 3}],
    "tweetsumm": [
        {"log": LOG, "original dialog info": SUMMARIES},
        {"log": LOG, "original dialog info": json.dumps(SUMMARIES)},
        {"dialog": {"dialog_id": "b", "turns": SAID}, **SUMMARIES},
        {"inputs": "It leaks. <BR> Sorry. <BR>", "summaries": "It leaks."},
        {"dialog": "12: It leaks.\nmore\nShop: Sorry.\n", "summary": "It leaks."},
    ],
}
JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 2.5, float("nan"), 10**30, "", " \n", "x", "true", "[1", "{}",
    "[]", '["a"]', "\n\nHuman:", "</s>", "12: ", [], {}, [[]], [{}], [None], [1], ["a", "b"],
    {"text": "x"}, {"a": {"b": [1]}}, {"type": "image_url"}, [{"type": "image_url"}], "\x00",
    "👩‍👧", "tool", "system", "function_call", "assistant",
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a record with each key or index in it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, below in inner:
        found.append((value, key))
        if isinstance(below, dict | list):
            found += places(below)
    return found


def damaged(record: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The record with one to three places dropped, replaced, renamed, doubled or nested."""
    record = copy.deepcopy(record)
    for _ in range(chance.randint(1, 3)):
        found = places(record)
        if not found:
            break
        owner, key = chance.choice(found)
        match chance.randint(0, 5):
            case 0:
                del owner[key]
            case 1 if isinstance(owner, dict):
                owner[chance.choice([key.upper(), f"{key}s", "x", "role", "from"])] = owner.pop(key)
            case 2 if isinstance(owner, list):
                owner.insert(chance.randint(0, len(owner)), copy.deepcopy(owner[key]))
            case 3:
                owner[key] = [owner[key]]
            case 4:
                owner[key] = str(owner[key])
            case _:
                owner[key] = copy.deepcopy(chance.choice(JUNK))
    return record


@pytest.mark.parametrize("name", sorted(FORMATS.entries))
def test_a_damaged_record_gives_examples_or_one_error(name):
    form = FORMATS.load(name)(name=name)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.integers(0, 2**32))
    def check(seed):
        chance = random.Random(seed)
        for _ in range(50):
            record = damaged(chance.choice(SEEDS[name]), chance)
            form.recognises(record)
            items = list(form.examples(record, "f:1"))
            assert items
            for item in items:
                if isinstance(item, DataError):
                    place, _, reason = str(item).partition(": ")
                    assert place.startswith("f:") and len(reason) > 8
                else:
                    assert isinstance(item, Example) and item.origin.startswith("f:")

    check()


@pytest.mark.parametrize("name", sorted(FORMATS.entries))
def test_undamaged_records_are_read(name):
    """The fuzzing starts from sound records, or it would prove little."""
    form = FORMATS.load(name)(name=name)
    for record in SEEDS[name]:
        assert form.recognises(record) or record["instruction"] == ""
        assert any(isinstance(item, Example) for item in form.examples(record, "f:1")) or (
            "output" not in record
        )


def test_a_record_nested_ten_thousand_deep_is_an_error_for_that_row():
    deep = "[" * 10_000 + "]" * 10_000
    for name, record in (
        ("sharegpt", {"conversations": TURNS, "tools": deep}),
        ("sharegpt", {"conversations": [TURNS[0], {"from": "function_call", "value": deep}]}),
        ("squad", {**ASKED, "answers": deep}),
        ("tweetsumm", {"log": LOG, "original dialog info": deep}),
    ):
        [error] = FORMATS.load(name)(name=name).examples(record, "f:1")
        assert isinstance(error, DataError) and "nested too deep" in str(error)
