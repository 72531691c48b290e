"""Converting: every row is written or counted, and LLaMA-Factory can be told of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tunesmith.cli.main import run
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data import FORMATS
from tunesmith.data.read import Row, read_rows
from tunesmith.data.settings import Data
from tunesmith.pipelines.convert import convert

HI = {"instruction": "Hi", "input": "", "output": "Hello!"}
CALLED = [
    {"from": "human", "value": "Add."},
    {"from": "function_call", "value": '{"name": "add", "arguments": {}}'},
    {"from": "observation", "value": "2"},
    {"from": "gpt", "value": "2"},
]


def to(name: str, **fields: Any):
    return FORMATS.parse({"name": name, **fields})


def examples_of(path: Path) -> list[Any]:
    return [row.example for row in read_rows(Data(path=str(path))) if isinstance(row, Row)]


def messages_of(path: Path) -> list[Any]:
    return [example.messages for example in examples_of(path)]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_the_same_conversations_come_back(tmp_path, lines, suffix):
    source = lines(tmp_path / "in.jsonl", HI, {**HI, "input": "1 1", "system": "Be brief."})
    target = tmp_path / f"out{suffix}"
    result = convert(str(source), target, to=to("sharegpt"))
    assert (result["read"], result["written"], result["skipped"]) == (2, 2, 0)
    assert result["lost"] == {"the input as a field of its own": 1}
    assert messages_of(target) == [
        (Message("user", "Hi"), Message("assistant", "Hello!")),
        (
            Message("system", "Be brief."),
            Message("user", "Hi\n\n1 1"),
            Message("assistant", "Hello!"),
        ),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", target.name]


def test_a_row_that_does_not_fit_stops_with_its_place_and_writes_nothing(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", {"conversations": CALLED}, {"conversations": CALLED[:1]})
    target = tmp_path / "out.json"
    with pytest.raises(DataError) as caught:
        convert(str(source), target, to=to("alpaca"))
    for part in (f"{source}:1: format 'alpaca' has no place for tools", f"{source}:2: ", "--skip"):
        assert part in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_skipped_rows_are_counted_with_reason_and_place(tmp_path, lines):
    plain = [CALLED[0], CALLED[3]]
    rows = [{"conversations": turns} for turns in (plain, CALLED, CALLED[:1], plain)]
    source = lines(tmp_path / "in.jsonl", *rows)
    result = convert(str(source), tmp_path / "out.json", to=to("alpaca"), skip=True)
    assert (result["read"], result["written"], result["skipped"]) == (4, 2, 2)
    assert [reason["places"] for reason in result["reasons"]] == [[f"{source}:2"], [f"{source}:3"]]


def test_a_kind_that_the_target_does_not_hold_is_named(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", {"text": "x", "label": "a"})
    with pytest.raises(DataError, match=r"in\.jsonl:1: format 'messages' cannot hold a Labelled"):
        convert(str(source), tmp_path / "out.json", to=to("messages"))


def test_when_all_rows_are_skipped_nothing_is_written(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", {"text": "x", "label": "a"})
    with pytest.raises(DataError, match="no row is left to write"):
        convert(str(source), tmp_path / "out.json", to=to("messages"), skip=True)
    assert not (tmp_path / "out.json").exists()


def test_a_file_is_only_overwritten_by_force(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", HI)
    with pytest.raises(DataError, match="is there already"):
        convert(str(source), source, to=to("messages"))
    convert(str(source), source, to=to("messages"), force=True)
    assert "messages" in json.loads(source.read_text())


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("tweetsumm", "out.json", "can be read, but not written"),
        ("alpaca", "out.pdf", "not written to this kind of file"),
        ("alpaca", "no/out.json", "does not exist"),
    ],
)
def test_what_cannot_be_written_is_said_before_reading(tmp_path, name, target, reason):
    with pytest.raises(DataError, match=reason):
        convert("nowhere.json", tmp_path / target, to=to(name))


ENTRIES = {
    "alpaca": (
        [HI, {**HI, "history": [["a", "b"]], "system": "Be brief."}],
        {
            "columns": {
                "prompt": "instruction", "query": "input", "response": "output",
                "system": "system", "history": "history",
            },
        },
    ),
    "sharegpt": (
        [{"conversations": CALLED, "tools": '[{"name": "add"}]'}],
        {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "tools": "tools"},
        },
    ),
    "preference": (
        [{"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"}],
        {
            "formatting": "sharegpt",
            "ranking": True,
            "columns": {
                "messages": "conversations", "chosen": "chosen", "rejected": "rejected",
            },
        },
    ),
    "kto": (
        [{"prompt": "Hi", "completion": "Hello!", "label": True}],
        {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "kto_tag": "label"},
        },
    ),
    "text": ([{"text": "Once upon a time."}], {"columns": {"prompt": "text"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_llamafactory_is_told_of_the_file(tmp_path, lines, name):
    records, told = ENTRIES[name]
    source = lines(tmp_path / "in" / "in.jsonl", *records)
    (tmp_path / "dataset_info.json").write_text('{"older": {"file_name": "older.json"}}')
    target = tmp_path / "mine.json"
    result = convert(str(source), target, to=to(name), llamafactory=True)
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert list(info) == ["older", "mine"]
    assert info["mine"] == {"file_name": "mine.json", **told}
    assert result["dataset_info"] == str(tmp_path / "dataset_info.json")
    written = json.loads(target.read_text())
    assert all(column in written[-1] for column in told["columns"].values())
    assert examples_of(target)[0] is not None


def test_messages_are_described_by_their_tags(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", HI)
    convert(str(source), tmp_path / "out.json", to=to("messages"), llamafactory=True)
    tags = json.loads((tmp_path / "dataset_info.json").read_text())["out"]["tags"]
    [turns] = [record["messages"] for record in json.loads((tmp_path / "out.json").read_text())]
    assert [turn[tags["role_tag"]] for turn in turns] == [tags["user_tag"], tags["assistant_tag"]]


@pytest.mark.parametrize(
    ("name", "turns", "reason"),
    [
        ("sharegpt", [*CALLED[:3], CALLED[2], CALLED[3]], "several results"),
        ("messages", CALLED, "write --to sharegpt"),
    ],
)
def test_what_llamafactory_would_skip_is_counted(tmp_path, lines, name, turns, reason):
    rows = [{"conversations": turns}, {"conversations": CALLED[::3]}]
    source = lines(tmp_path / "in.jsonl", *rows)
    result = convert(str(source), tmp_path / "out.json", to=to(name), skip=True, llamafactory=True)
    assert (result["read"], result["written"]) == (2, 1)
    assert reason in result["reasons"][0]["reason"]


def test_what_llamafactory_cannot_read_at_all_is_said(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", {"text": "x", "label": "a"})
    with pytest.raises(DataError, match="LLaMA-Factory reads nothing like 'labels'"):
        convert(str(source), tmp_path / "out.json", to=to("labels"), llamafactory=True)


def test_a_broken_dataset_info_is_said(tmp_path, lines):
    source = lines(tmp_path / "in.jsonl", HI)
    (tmp_path / "dataset_info.json").write_text("[")
    with pytest.raises(DataError, match=r"dataset_info\.json: cannot be read"):
        convert(str(source), tmp_path / "out.json", to=to("alpaca"), llamafactory=True)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("content", ['{"out": {"file_name": "other.json"}}', "["])
def test_a_dataset_info_that_merely_lies_there_changes_nothing(tmp_path, lines, content):
    """Two results in a row are what LLaMA-Factory would skip; without it they are written."""
    turns = [*CALLED[:3], CALLED[2], CALLED[3]]
    source = lines(tmp_path / "in.jsonl", {"conversations": turns})
    info = tmp_path / "dataset_info.json"
    info.write_text(content)
    result = convert(str(source), tmp_path / "out.json", to=to("sharegpt"))
    assert (result["written"], result["dataset_info"]) == (1, None)
    assert info.read_text() == content


def test_an_entry_for_another_file_is_only_replaced_by_force(tmp_path, lines):
    source, target = lines(tmp_path / "in.jsonl", HI), tmp_path / "out.json"
    info = tmp_path / "dataset_info.json"
    info.write_text('{"out": {"hf_hub_url": "a/b"}}')
    with pytest.raises(DataError, match=r"'out' is there already and describes another file"):
        convert(str(source), target, to=to("alpaca"), llamafactory=True)
    assert not target.exists()
    convert(str(source), target, to=to("alpaca"), llamafactory=True, force=True)
    assert json.loads(info.read_text())["out"]["file_name"] == "out.json"
    target.unlink()
    convert(str(source), target, to=to("alpaca"), llamafactory=True)  # its own entry


def test_several_splits_in_one_file_and_files_passed_over_are_told(tmp_path, lines, capsys):
    folder = tmp_path / "set"
    lines(folder / "train.jsonl", HI, HI)
    lines(folder / "dev.jsonl", HI)
    (folder / "x.png").touch()
    target = tmp_path / "out.jsonl"
    assert run(["data", "convert", str(folder), str(target), "--to", "alpaca", "--json"]) == 0
    passed_over, splits = json.loads(capsys.readouterr().out)["notices"]
    assert "1 file passed over that are no data: x.png" in passed_over
    assert "rows of several splits are in the one file written" in splits
    assert "2 of train" in splits
    assert "1 of validation" in splits
    assert run(["data", "convert", str(folder), str(target), "--to", "alpaca", "--force"]) == 0
    printed = capsys.readouterr().out
    assert passed_over in printed
    assert splits in printed


@pytest.mark.parametrize("verb", [["convert", "--to", "alpaca"], ["check"]])
@pytest.mark.parametrize("layout", ["file", "folder"])
def test_names_that_are_not_utf8_are_no_crash(tmp_path, layout, verb):
    name = os.fsencode(tmp_path) + b"/\xff"
    file = os.fsdecode(name + (b"/a\xff.jsonl" if layout == "folder" else b".jsonl"))
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(json.dumps(HI) + "\n{\n")
    source = file if layout == "file" else os.fsdecode(name)
    target = [os.fsdecode(os.fsencode(tmp_path) + b"/out\xff.jsonl"), "--skip"]
    named = [verb[0], source, *(target if verb[0] == "convert" else []), *verb[1:]]
    for more in ([], ["--force"] if verb[0] == "convert" else []):
        for form in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "tunesmith", "data", *named, *more, *form],
                capture_output=True,
            )
            assert b"Traceback" not in done.stderr, done.stderr.decode()
            assert b"\\xff" in done.stdout + done.stderr


def test_the_verb_prints_the_counts(tmp_path, lines, capsys):
    source, target = lines(tmp_path / "in.jsonl", HI, "{"), tmp_path / "out.jsonl"
    assert run(["data", "convert", str(source), str(target), "--to", "messages"]) == 2
    assert "in.jsonl:2: broken JSON" in capsys.readouterr().err
    arguments = ["data", "convert", str(source), str(target), "--to", "messages", "--skip"]
    assert run([*arguments, "--from", "alpaca"]) == 0
    assert "2 read = 1 written" in capsys.readouterr().out
    assert run([*arguments, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 1


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("llamafactory/data/glaive_toolcall_en_demo.json", "sharegpt"),
        ("llamafactory/data/dpo_en_demo.json", "preference"),
        ("llamafactory/data/kto_en_demo.json", "kto"),
        ("tweetsumm/dialogstudio/validation.jsonl", "alpaca"),
        ("squad/cmrc2018_trial.squad.json", "squad"),
        ("imdb/aclImdb_train_2000.csv", "labels"),
        ("llamafactory/data/reason_tool_use_demo_50.jsonl", "messages"),
    ],
)
def test_real_sets_survive_being_converted(shared, tmp_path, file, name):
    target = tmp_path / "out.jsonl"
    result = convert(str(shared / file), target, to=to(name), skip=True)
    before = [example for example in examples_of(shared / file) if example is not None]
    after = examples_of(target)
    assert result["written"] == len(before) == len(after)
    assert result["read"] == result["written"] + result["skipped"]
    for one, other in zip(before, after, strict=True):
        if isinstance(one, Conversation):
            assert (one.messages, one.tools, one.group) == (
                other.messages, other.tools, other.group,
            )  # fmt: skip
        else:
            fields = [f for f in type(one).__slots__ if f not in ("origin", "mended")]
            assert all(getattr(one, f) == getattr(other, f) for f in fields)
