"""The record form, the pre-training text and the command line."""

import json
import re

from tunesmith.starter.__main__ import main
from tunesmith.starter.dialogues import generate_cases
from tunesmith.starter.records import pretraining_text, tweetsumm_record


def test_record_gives_back_the_case():
    for index, case in enumerate(generate_cases(20, 2, split="train"), start=1):
        record = json.loads(json.dumps(tweetsumm_record(case, "train", index)))
        assert record["new dialog id"] == f"TunesmithSupport--train--{index}"
        assert record["dialog index"] == index and record["prompt"] == []
        turns = []
        for number, turn in enumerate(record["log"], start=1):
            assert turn["turn id"] == number and turn["dialog history"] == ""
            turns += [("user", turn["user utterance"]), ("agent", turn["system response"])]
        assert tuple(turns) == case.turns
        summaries = json.loads(record["original dialog info"])["summaries"]
        assert summaries["extractive_summaries"] == []
        (sentences,) = summaries["abstractive_summaries"]
        assert len(sentences) == 2 and " ".join(sentences) == case.summary


def test_pretraining_text_is_labelled_and_holds_no_summary():
    for case in generate_cases(50, 2, split="pretrain"):
        text = pretraining_text(case)
        assert re.fullmatch(r"(user: \S.*\nagent: \S.*\n)+", text)
        assert case.summary not in text
        assert case.summary.split(". ")[1] not in text


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_command_line_writes_everything(tmp_path, capsys):
    arguments = (
        "--seed 1 --cases 60 --stories 30 --lists 10 --train 20 --validation 5 --test 5".split()
    )
    assert main([str(tmp_path), *arguments]) == 0
    corpus = tmp_path / "corpus"
    assert len(read(corpus / "train.jsonl")) == 90
    assert len(read(corpus / "validation.jsonl")) == 10
    assert all(set(row) == {"text"} for row in read(corpus / "train.jsonl"))
    sizes = {path.stem: len(read(path)) for path in (tmp_path / "dialogues").iterdir()}
    assert sizes == {"train": 20, "validation": 5, "test": 5}
    assert {p.name for p in (tmp_path / "blank").iterdir()} == {
        "config.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert "words" in capsys.readouterr().out
    before = (corpus / "train.jsonl").read_bytes()
    main([str(tmp_path), *arguments])
    assert (corpus / "train.jsonl").read_bytes() == before
