"""Cleaning dialogues as a user does: every message is in a row or counted, and nothing leaks."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tunesmith.checks.personal import EMAIL
from tunesmith.cli.main import app, run
from tunesmith.core.errors import DataError
from tunesmith.pipelines.check import check, make_request
from tunesmith.pipelines.clean_dialogues import Wanted, clean_dialogues
from tunesmith.recipe import make_recipe

ROOT = Path(__file__).parents[2]
TWEETSUMM = [  # found, written, skipped
    ("csv_extractive/twcs_train.csv", 2124),
    ("csv_cleaned/tweetsum_train.csv", 763),
    ("dialogstudio/train.jsonl", 514),
    ("dialogstudio_examples/converted_examples.json", 5),
    ("dialogstudio_examples/original_examples.json", 5),
]


def table(path: Path, *rows: tuple[Any, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("ticket_id", "role", "author", "text"), *rows])
    return path


def chat(
    ticket: Any, *texts: str, customer: str = "Anna Smith", agent: str = "Bo Lee"
) -> list[Any]:
    return [
        (ticket, "agent" if n % 2 else "customer", agent if n % 2 else customer, text)
        for n, text in enumerate(texts)
    ]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def adds_up(result: dict[str, Any]) -> bool:
    told, messages = result["conversations"], result["messages"]
    return (
        told["found"] == told["written"] + told["skipped"]
        and told["skipped"] == sum(entry["conversations"] for entry in told["reasons"])
        and messages["found"] == messages["kept"] + messages["merged"] + messages["dropped"]
        and messages["dropped"] == sum(entry["messages"] for entry in messages["reasons"])
    )


def test_what_is_skipped_has_its_reason_and_its_place(tmp_path):
    file = table(
        tmp_path / "t.csv",
        *chat(1, "It leaks.", "Try again.", "Thanks"),
        *chat(2, "Nobody answers"),
        *chat(3, "It leaks.", "Try again.", "Bye"),
        (4, "agent", "Bo Lee", "Only me"),
        *chat(5, "@AcmeHelp", "https://a.example/x"),
        (6, "customer", "Anna Smith", "Said too late"),
        (6, "agent", "Bo Lee", ""),
    )
    result = clean_dialogues([str(file)], tmp_path / "out.jsonl")

    reasons = {e["reason"]: e["places"] for e in result["conversations"]["reasons"]}
    assert reasons == {
        "no answer of an agent": [f"{file}:5", f"{file}:12"],
        "says the same as an earlier conversation": [f"{file}:6"],
        "only the agent speaks": [f"{file}:9", f"{file}:10"],
    }
    assert adds_up(result)
    assert result["conversations"]["written"] == 1


def test_a_row_tells_where_it_comes_from(tmp_path):
    file = table(tmp_path / "t.csv", *chat("T-7", "I'm Anna Smith.", "Hi Anna.", "Bye"))
    clean_dialogues([str(file)], tmp_path / "out.jsonl")
    assert rows_of(tmp_path / "out.jsonl") == [
        {
            "messages": [
                {"role": "user", "content": "I'm <name-1>."},
                {"role": "assistant", "content": "Hi <name-1>."},
            ],
            "group": "T-7",
            "origin": f"{file}:2",
            "source_id": "T-7",
            "window": 1,
            "windows": 1,
            "n_messages": 2,
            "n_masked": 2,
        }
    ]


def test_windows_of_a_conversation_begin_with_the_customer_and_have_one_group(tmp_path):
    texts = [f"{'answer' if n % 2 else 'question'} {n}" for n in range(11)]
    file = table(tmp_path / "t.csv", (7, "agent", "Bo", "Hello"), *chat(7, *texts))
    result = clean_dialogues([str(file)], tmp_path / "out.jsonl", wanted=Wanted(max_turns=4))

    rows = rows_of(tmp_path / "out.jsonl")
    assert [[m["content"].split()[1] for m in row["messages"]] for row in rows] == [
        ["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9"],
    ]  # fmt: skip
    assert {row["messages"][0]["role"] for row in rows} == {"user"}
    assert {row["messages"][-1]["role"] for row in rows} == {"assistant"}
    assert {row["group"] for row in rows} == {"7"} and rows[1]["window"] == 2
    reasons = {e["reason"]: e["messages"] for e in result["messages"]["reasons"]}
    assert reasons == {
        "before the customer's first turn": 1, "behind the agent's last answer": 1,
    }  # fmt: skip
    assert adds_up(result) and result["rows"] == 3


def test_a_pair_too_long_for_a_window_is_counted(tmp_path):
    file = table(tmp_path / "t.csv", *chat(1, "a", "b" * 50, "c", "d"), *chat(2, "e", "f" * 50))
    result = clean_dialogues([str(file)], tmp_path / "out.jsonl", wanted=Wanted(max_chars=20))
    assert [m["content"] for row in rows_of(tmp_path / "out.jsonl") for m in row["messages"]] == [
        "c", "d",
    ]  # fmt: skip
    assert adds_up(result)
    assert result["conversations"]["reasons"][0]["reason"].startswith("every question with its")


def test_sharegpt_is_written_and_read_back(tmp_path):
    file = table(tmp_path / "t.csv", *chat(1, "It leaks.", "Try again."))
    out = tmp_path / "out.jsonl"
    clean_dialogues([str(file)], out, wanted=Wanted(to="sharegpt"))
    assert rows_of(out)[0]["conversations"][0] == {"from": "human", "value": "It leaks."}
    again = clean_dialogues([str(out)], tmp_path / "again.jsonl")
    assert again["conversations"]["written"] == 1


def test_no_value_is_in_any_report_nor_in_an_id(tmp_path, capsys):
    mail, phone = "anna.smith@example.com", "+44 20 7946 0958"
    file = table(
        tmp_path / "t.csv",
        *chat(mail, f"write to {mail}, call {phone}", "Done"),
        *chat(phone, f"Only {mail}"),
        (mail, "who?", "", "no side"),
    )
    out = tmp_path / "out.jsonl"
    assert run(["data", "dialogues", str(file), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert run(["data", "dialogues", str(file), "--out", str(out), "--force", "--json"]) == 0
    told += capsys.readouterr().out + out.read_text("utf-8")
    for value in (mail, phone, "Smith", "7946"):
        assert value not in told

    assert (
        run(["data", "dialogues", str(file), "--out", str(out), "--force", "--keep-personal"]) == 0
    )
    assert mail in out.read_text("utf-8")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    file = table(
        tmp_path / "t.csv",
        *(
            row
            for n in range(50)
            for row in chat(n, f"I'm Anna {n}, a{n}@b.example", f"Hi Anna {n}")
        ),
    )
    for name in ("a.jsonl", "b.jsonl"):
        clean_dialogues([str(file)], tmp_path / name)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_cleaning_the_result_changes_nothing(tmp_path):
    file = table(tmp_path / "t.csv", *chat(1, "I'm Anna Smith, a@b.example", "Hi Anna ^BL", "Bye"))
    out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
    clean_dialogues([str(file)], out)
    clean_dialogues([str(out)], again)
    assert [row["messages"] for row in rows_of(again)] == [row["messages"] for row in rows_of(out)]


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path):
    file = table(tmp_path / "t.csv", *chat(1, "Nobody answers"))
    out = tmp_path / "out.jsonl"
    with pytest.raises(
        DataError, match=r"no conversation is left.*no answer of an agent.*t\.csv:2"
    ):
        clean_dialogues([str(file)], out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"]
    out.write_text("mine")
    with pytest.raises(DataError, match="is there already"):
        clean_dialogues([str(file)], out)
    with pytest.raises(DataError, match=r"--max-turns.*summary is of a whole"):
        clean_dialogues([str(file)], out, wanted=Wanted("summary", max_turns=4), force=True)


def test_the_result_is_checked_and_trained_on(tmp_path, recipe_fields):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tunesmith.pipelines.train import train

    file = table(
        tmp_path / "t.csv",
        *(
            row
            for n in range(12)
            for row in chat(n, f"Kettle {n} leaks.", f"We mend {n}.", f"Thx {n}", f"Bye {n}")
        ),
    )
    out = tmp_path / "out.jsonl"
    clean_dialogues([str(file)], out, wanted=Wanted(max_turns=2))
    recipe_fields["data"] = {"path": str(out), "validation_fraction": 0.25}
    recipe_fields |= {"template": "llama2", "task": "sft"}
    recipe_fields["train"]["epochs"] = 1

    checked = check(make_request(str(out), [], tokenizer=recipe_fields["model"]["path"]))
    run = train(make_recipe(recipe_fields))

    assert checked["ok"] and checked["rows"] == 24
    assert not [f for f in checked["findings"] if "personal" in f["check"]]
    ledger = run.summary["ledger"]
    assert sum(split["kept"] for split in ledger.values()) == 24
    # 12 conversations of two windows each: none of them is parted.
    assert all(split["read"] % 2 == 0 for split in ledger.values())


@pytest.mark.parametrize(("name", "n_found"), TWEETSUMM)
def test_published_dialogues_are_written_or_skipped(shared, tmp_path, name, n_found):
    source = shared / "tweetsumm" / name
    if n_found > 600:  # a portion; all of it takes longer
        lines = source.read_text("utf-8").splitlines(keepends=True)
        source = tmp_path / source.name
        source.write_text("".join(lines[:400]), "utf-8")
    out = tmp_path / "out.jsonl"
    result = clean_dialogues([str(source)], out)

    assert adds_up(result)
    assert result["conversations"]["written"] >= 0.9 * result["conversations"]["found"]
    text = out.read_bytes()
    assert not EMAIL.search(text) and b"https://" not in text and b"&amp;" not in text
    for row in rows_of(out):
        assert [m["role"] for m in row["messages"]] == ["user", "assistant"] * (
            len(row["messages"]) // 2
        )


def test_summaries_come_with_their_dialogue(shared, tmp_path):
    source = shared / "tweetsumm/dialogstudio_examples/original_examples.json"
    out = tmp_path / "out.jsonl"
    result = clean_dialogues([str(source)], out, wanted=Wanted(to="summary"))
    rows = rows_of(out)
    assert adds_up(result) and len(rows) == 5
    assert all(row["summary"] and row["dialogue"].startswith("user: ") for row in rows)
    with pytest.raises(DataError, match="no summary"):
        file = table(tmp_path / "t.csv", *chat(1, "It leaks.", "Try again."))
        clean_dialogues([str(file)], tmp_path / "none.jsonl", wanted=Wanted(to="summary"))


def test_the_numbers_of_tweets_alone_are_refused(shared, tmp_path):
    source = shared / "tweetsumm/original_ids/final_valid_tweetsum.jsonl"
    with pytest.raises(DataError, match="98 skipped: the record holds the numbers of tweets"):
        clean_dialogues([str(source)], tmp_path / "out.jsonl")


def test_the_example_in_the_docs_is_what_comes_out(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs/how-to/clean-dialogues.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(\w*)\n(.*?)```", page, re.S)[:4])
    monkeypatch.chdir(tmp_path)
    Path("tickets.csv").write_text(blocks["csv"], "utf-8")

    assert run(["data", "dialogues", "tickets.csv", "--out", "train.jsonl"]) == 0

    assert capsys.readouterr().out == blocks[""]
    (row,) = rows_of(Path("train.jsonl"))
    assert {"messages": row["messages"], "group": row["group"]} == json.loads(blocks["json"])


def test_the_verb_tells_the_way():
    result = CliRunner().invoke(app, ["data", "dialogues", "--help"])
    assert "--agent" in result.output and "--keep-personal" in result.output


GATHERED = """
import random, resource, sys
from tunesmith.synthesize.dialogues.gather import Gather
from tunesmith.synthesize.dialogues.said import Said
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, n, gather = peak(), int(sys.argv[1]), Gather()
order = random.Random(0)
for place in range(n):
    key = str(order.randrange(n // 5))
    gather.add(Said(f"f:{place}", f"{place} " + "x" * 1000, key, "A", moment=(place, place)), key)
found = sum(len(conversation.messages) for conversation in gather.conversations())
assert found == n
print(peak() - before)
"""


@pytest.mark.slow
def test_200_000_unsorted_messages_are_grouped_in_flat_memory():
    command = [sys.executable, "-c", GATHERED, "200000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 64  # MiB; the texts are 200
