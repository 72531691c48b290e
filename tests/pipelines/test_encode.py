from __future__ import annotations

import json
import os

import numpy as np
import pytest

from tunesmith.core.cache import cache_dir
from tunesmith.core.errors import DataError, RunError
from tunesmith.core.ledger import FATES
from tunesmith.data.files.located import shown as shown_name
from tunesmith.pipelines import encode
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe
from tunesmith.tasks.store import INFO, TOKENS
from tunesmith.templates.render import render


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def prepared(fields, **data):
    return prepare(make_recipe({**fields, "data": {**fields["data"], **data}}))


def shown(found):
    return [(e.input_ids.tolist(), e.weights.tolist(), e.origin) for e in found.encoded["train"]]


def entries(cache):
    return sorted(p.name for p in (cache / "encoded").iterdir())


def test_what_is_stored_is_what_the_template_renders(cache, recipe_fields, dialogues):
    found = prepared(recipe_fields)
    [example] = [e for e in found.encoded["train"] if e.origin.endswith(":7")]
    record = json.loads(dialogues.read_text().splitlines()[6])
    assert record["dialogue"] in found.tokenizer.decode(example.input_ids)
    assert found.tokenizer.decode(example.input_ids[example.supervised]) == record["summary"]


def test_the_second_time_nothing_is_encoded(cache, recipe_fields, monkeypatch):
    first = prepared(recipe_fields)

    def refuse(*_):
        raise AssertionError("encoded again")

    monkeypatch.setattr(encode, "encode_rows", refuse)
    second = prepared(recipe_fields)
    assert shown(first) == shown(second)
    assert first.ledger.as_dict() == second.ledger.as_dict()
    assert first.identity() == second.identity()
    with pytest.raises(AssertionError, match="encoded again"):
        prepared(recipe_fields, max_tokens=99)


@pytest.mark.parametrize(
    "change",
    [
        {"template": "alpaca"},
        {"template": {"name": "summarization"}, "task": {"name": "sft", "train_on": "everything"}},
        {"template": {"name": "summarization"}, "task": {"name": "sft", "prompt_weight": 0.5}},
    ],
)
def test_a_change_of_template_or_task_is_never_served_stale(cache, recipe_fields, change):
    before = prepared(recipe_fields)
    after = prepared({**recipe_fields, **change})
    assert shown(before) != shown(after)
    assert len(entries(cache)) == 2
    again = prepared(recipe_fields)
    assert shown(before) == shown(again)


def test_changed_data_of_the_same_size_is_never_served_stale(cache, recipe_fields, dialogues):
    before = prepared(recipe_fields)
    dialogues.write_text(dialogues.read_text().replace("Monday", "Sunday"))
    assert shown(before) != shown(prepared(recipe_fields))


def test_another_split_or_seed_uses_the_same_entry(cache, recipe_fields):
    prepared(recipe_fields)
    prepared(recipe_fields, validation_fraction=0.5)
    assert len(entries(cache)) == 1


@pytest.mark.parametrize(
    "damage", [lambda p: os.truncate(p / TOKENS, 10), lambda p: (p / INFO).unlink()]
)
def test_an_entry_that_is_damaged_or_was_not_finished_is_made_again(cache, recipe_fields, damage):
    first = shown(prepared(recipe_fields))
    [place] = (cache / "encoded").iterdir()
    damage(place)
    assert shown(prepared(recipe_fields)) == first


def test_fault_23_a_cache_that_cannot_be_written_is_said_with_the_way_out(
    tmp_path, recipe_fields, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "file"))
    with pytest.raises(RunError, match=r"cannot be written .*Set TUNESMITH_CACHE"):
        prepared(recipe_fields)
    assert cache_dir() == tmp_path / "file"


def test_the_ledger_holds_every_row_once(cache, recipe_fields, lines, tmp_path):
    rows = [{"prompt": f"p{n}", "completion": "c"} for n in range(10)]
    long = {"prompt": "kettle " * 200, "completion": "c"}
    answer = {"prompt": "p", "completion": "kettle " * 200}
    lines(tmp_path / "d/train.jsonl", *rows, long, answer, {"prompt": "x"}, "{", rows[1])
    lines(tmp_path / "d/dev.jsonl", rows[0])
    found = prepared(
        recipe_fields, path=str(tmp_path / "d"), bad_rows="reject", too_long="drop", max_tokens=90
    )
    train = found.ledger.as_dict()["train"]
    assert (train["read"], train["kept"], train["dropped"], train["rejected"]) == (15, 10, 3, 2)
    assert train["read"] == sum(train[fate] for fate in FATES)
    reasons = {r["reason"].split(";")[0]: r["rows"] for r in train["reasons"]}
    assert reasons["longer than the limit"] == 2
    assert reasons["also in validation or test"] == 1
    assert train["tokens"] == sum(len(e) for e in found.encoded["train"])
    learnt = sum(int(e.supervised.sum()) for e in found.encoded["train"])
    assert train["supervised_tokens"] == learnt


def test_a_row_that_cannot_be_encoded_stops_with_its_place(cache, recipe_fields, lines, tmp_path):
    rows = [{"instruction": f"p{n}", "output": "c", "system": ""} for n in range(5)]
    rows[4]["system"] = "kettle, " * 90
    file = lines(tmp_path / "m.jsonl", *rows)
    with pytest.raises(DataError, match=r"m\.jsonl:5: \d+ tokens, and the limit is 40 even with"):
        prepared(recipe_fields, path=str(file), max_tokens=40)
    with pytest.raises(DataError, match=r"m\.jsonl:5: nothing to learn: every token is masked"):
        prepared(recipe_fields, path=str(file), max_tokens=40, cut_answers=True)


def test_the_end_of_a_single_text_is_held_out(cache, recipe_fields, tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"line {n} of a kettle\n" for n in range(300)))
    fields = {**recipe_fields, "task": "causal-lm", "template": None}
    found = prepared(fields, path=str(tmp_path / "a.txt"), max_tokens=64, validation_fraction=0.1)
    train, held = found.encoded["train"], found.encoded["validation"]
    assert len(held) == pytest.approx(0.1 * (len(train) + len(held)), abs=1)
    whole = np.concatenate([e.input_ids[1:] for part in (train, held) for e in part])
    assert "line 0 of" in found.tokenizer.decode(whole[:9])
    assert "line 299 of" in found.tokenizer.decode(whole[-12:])
    ledger = found.ledger.as_dict()
    assert (ledger["train"]["read"], ledger["validation"]["read"]) == (1, 0)


def test_one_row_alone_says_that_none_can_be_held_out(cache, recipe_fields, lines, tmp_path):
    file = lines(tmp_path / "one.jsonl", {"prompt": "p", "completion": "c"})
    with pytest.raises(DataError, match=r"one\.jsonl:1: too few distinct rows"):
        prepared(recipe_fields, path=str(file))


def test_rendering_at_once_is_rendering_one_by_one(cache, recipe_fields):
    from tunesmith.data.load import load_examples

    recipe = make_recipe(recipe_fields)
    found = prepare(recipe)
    examples = load_examples(recipe.data, recipe.train.seed)["train"]
    alone = [render(e, found.template, found.tokenizer) for e in examples]
    assert [r.input_ids.tolist() for r in alone] == [ids for ids, _, _ in shown(found)]


def test_a_validation_split_of_which_nothing_is_left_stops_the_run(
    cache, recipe_fields, lines, tmp_path
):
    lines(tmp_path / "d/train.jsonl", *({"prompt": f"p{n}", "completion": "c"} for n in range(4)))
    lines(tmp_path / "d/dev.jsonl", {"prompt": "kettle " * 300, "completion": "c"})
    with pytest.raises(DataError, match=r"none of 1 validation rows is left \(1 dropped: longer"):
        prepared(recipe_fields, path=str(tmp_path / "d"), too_long="drop")


def test_a_file_whose_name_is_no_text_is_read(cache, recipe_fields, dialogues, tmp_path):
    odd = os.fsencode(tmp_path) + b"/caf\xe9\rx: y.jsonl"
    with open(odd, "wb") as file:
        file.write(dialogues.read_bytes())
    found = prepared(recipe_fields, path=os.fsdecode(odd))
    assert {e.origin.rpartition(":")[0] for e in found.encoded["train"]} == {
        shown_name(os.fsdecode(odd)).replace("\n", " ")
    }


def test_too_many_different_weights_are_refused(cache, recipe_fields, lines, tmp_path):
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"p{n}"},
                {"role": "assistant", "content": "c", "weight": (n + 1) / 400},
            ]
        }
        for n in range(300)
    ]
    with pytest.raises(DataError, match="more than 255 different weights. Round them"):
        prepared(recipe_fields, path=str(lines(tmp_path / "w.jsonl", *rows)))
