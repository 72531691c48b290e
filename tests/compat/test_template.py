"""Templates of a training file: the same names here, and what becomes of thoughts."""

from __future__ import annotations

from typing import Any

import pytest

from tunesmith.compat.llamafactory.convert import convert

SETS = {
    "sft": {"file_name": "mine.json"},
    "dpo": {
        "file_name": "pairs.json",
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    },
}


def converted(**keys: Any):
    dataset = keys.get("stage", "sft")
    base = {"model_name_or_path": "a/b", "dataset": dataset, "dataset_dir": SETS}
    return convert({**base, "do_train": True, **keys}, "mine.yaml")


def test_an_unknown_template_is_answered_with_the_nearest_one_and_the_way_out():
    (entry,) = converted(template="qwen3_nothnk").refused
    note = entry.note
    assert "Did you mean 'qwen3_nothink'?" in note
    assert "template=native" in note


THOUGHTS: dict[str, tuple[dict[str, Any], Any]] = {
    "thinking": ({}, "llamafactory/qwen3"),
    "no thinking": ({"enable_thinking": False}, {"enable_thinking": False}),
    "the last answer only": ({"mask_history": True}, {"thoughts": "last"}),
    "all kept": ({"mask_history": True, "preserve_thinking": True}, "llamafactory/qwen3"),
    "preferences": ({"stage": "dpo"}, {"thoughts": "last"}),
    "preferences, all kept": (
        {"stage": "dpo", "preserve_thinking": True}, {"thoughts": "written"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", THOUGHTS)
def test_thoughts_of_reasoning_templates(case):
    keys, expected = THOUGHTS[case]
    if isinstance(expected, dict):
        expected = {"name": "llamafactory/qwen3", **expected}
    assert converted(template="qwen3", **keys).checked().fields["template"] == expected


def test_keys_about_thoughts_do_nothing_in_other_templates():
    found = converted(template="llama3", enable_thinking=False, preserve_thinking=True).checked()
    assert found.fields["template"] == "llamafactory/llama3"
    assert {e.key for e in found.skipped} == {"enable_thinking", "preserve_thinking"}
