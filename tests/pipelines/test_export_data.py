"""Export: what goes into a dataset, together or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from corpus import PER_DOCUMENT, FactTeacher, verifies, write_corpus

pytest.importorskip("httpx")

from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.core.errors import DataError, RunError
from tunesmith.core.held import held
from tunesmith.core.swapped import swapped
from tunesmith.data.read import read_rows as read_data
from tunesmith.data.settings import Data
from tunesmith.pipelines.build_data import BuildSettings, build_data
from tunesmith.pipelines.export_data import export_data
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.review.decisions import Decisions
from tunesmith.synthesize.rows_file import read_rows, write_rows
from tunesmith.synthesize.teacher.script import Reply

N_DRAFTS = 2 * PER_DOCUMENT


class TwoDrafts(FactTeacher):
    """Writes every fact twice, the second time as ``again`` says; doubts answers of 31338."""

    def __init__(self, facts, again) -> None:
        super().__init__(facts)
        self.again = again

    def _pairs(self, asked):
        return [made for pair in super()._pairs(asked) for made in (pair, self.again(pair))]

    def __call__(self, asked):
        reply = super().__call__(asked)
        if not verifies(asked):
            return reply
        items = json.loads(reply.text)["items"]
        shown = [json.loads(s) for s in asked.text.splitlines() if s.startswith('{"number": ')]
        for item, draft in zip(items, shown, strict=True):
            item["supported"] = "batteries" not in draft["answer"]
        return replace(reply, text=json.dumps({"items": items}, ensure_ascii=False))


def hosted(server) -> HostedModel:
    return HostedModel(parse_endpoint(f"{server.url}#teacher"))


def build(folder: Path, out: Path, server, *, learner=None, per_chunk=PER_DOCUMENT, **fields):
    kinds = [KINDS.parse({"name": "qa", "per_chunk": per_chunk, "styles": ["fact"]})]
    settings = BuildSettings(**{"kinds": kinds, "n_processes": 1, **fields})
    model = None if learner is None else hosted(learner)
    return build_data([str(folder)], out, settings, teacher=hosted(server), learner=model)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def corpus(tmp_path):
    return tmp_path / "manuals", write_corpus(tmp_path / "manuals", 4)


@pytest.fixture
def built(corpus, teacher, tmp_path):
    folder, facts = corpus
    build(folder, tmp_path / "out", teacher(otherwise=FactTeacher(facts)), eval_fraction=0.3)
    return tmp_path / "out"


# Review


def test_a_row_without_a_draft_that_a_person_accepted_is_rejected_with_its_reason(
    corpus, teacher, tmp_path
):
    folder, facts = corpus
    out = tmp_path / "out"

    class Silent(FactTeacher):
        def _pairs(self, asked):
            first, *others = super()._pairs(asked)
            return [{**first, "quote": " "}, *others]

    build(folder, out, teacher(otherwise=Silent(facts)))
    unusable = next(row for row in read_rows(out / "rows.jsonl") if not row.draft.turns)
    assert unusable.reason == "not usable: no quote"
    with Decisions(out / "review.sqlite") as decisions:
        decisions.decide(unusable.as_dict(), "accepted")
    result = export_data(out)
    assert result["fates"]["rejected"] == {"not usable": 4}
    assert "not usable: accepted in review, and there is no draft" in result["fates"]["reasons"]
    again = build(folder, out, teacher(otherwise=Silent(facts)))
    assert again["fates"]["accepted"] == len(facts) - 4


def test_a_row_that_was_accepted_and_can_be_no_example_is_rejected_with_its_reason(built):
    row = next(iter(read_rows(built / "rows.jsonl")))
    rows = [replace(row, draft=replace(row.draft, turns=row.draft.turns * 2))]
    write_rows(built / "rows.jsonl", [*rows, *list(read_rows(built / "rows.jsonl"))[1:]])
    with Decisions(built / "review.sqlite") as decisions:
        decisions.decide(rows[0].as_dict(), "accepted")
    reasons = export_data(built)["fates"]["reasons"]
    assert any(why.startswith("not usable: accepted in review") for why in reasons)


# Answers that failed beside accepted ones


@pytest.mark.parametrize(
    ("again", "n_pairs"),
    [
        (lambda pair: {**pair, "answer": "31337 hours"}, 16),  # not grounded
        (lambda pair: {**pair, "answer": pair["answer"] + ", batteries too"}, 8),  # not verified
        (lambda pair: {**pair, "quote": "Nobody wrote this."}, 0),  # the answer is right
        (lambda pair: {**pair, "answer": "31337 hours, see https://x.org"}, 0),  # told apart by it
        (lambda pair: {**pair, "question": "How many walruses?", "answer": "31337"}, 0),
    ],
)
def test_an_answer_that_failed_makes_a_pair_with_the_accepted_one(
    corpus, teacher, tmp_path, again, n_pairs
):
    folder, facts = corpus
    out = tmp_path / "out"
    server = teacher(otherwise=TwoDrafts(facts, again))
    result = build(folder, out, server, per_chunk=N_DRAFTS, eval_fraction=0.3)
    found = [
        (row, split)
        for split in ("train", "eval")
        if (out / "dataset" / "preferences" / f"{split}.jsonl").exists()
        for row in lines(out / "dataset" / "preferences" / f"{split}.jsonl")
    ]
    if n_pairs == 8:  # of the Chinese ones another check tells the English words
        found = [(row, split) for row, split in found if row["prompt"][0]["content"].isascii()]
    assert len(found) == n_pairs
    rows = {row.id: row for row in read_rows(out / "rows.jsonl")}
    by_question = {fact.question: fact for fact in facts}
    for row, split in found:
        told = row["provenance"]
        chosen, rejected = rows[told["chosen_row"]], rows[told["rejected_row"]]
        assert (chosen.fate, rejected.fate) == ("accepted", "rejected")
        assert chosen.split == split and told["rejected_because"] == rejected.reason
        fact = by_question[row["prompt"][0]["content"]]
        assert row["chosen"][0]["content"] == fact.answer == chosen.draft.turns[0].answer
        assert row["rejected"][0]["content"] == rejected.draft.turns[0].answer != fact.answer
        assert told["evidence"] == [fact.evidence]
    card = (out / "dataset" / "README.md").read_text("utf-8")
    assert ("Preferences from drafts" in card) == bool(n_pairs)
    assert result["preferences_from_drafts"] == sum(result["rows"].get("preferences", {}).values())
    fates = result["fates"]
    assert fates["planned"] == fates["accepted"] + sum(fates["rejected"].values())


def test_what_a_person_rejects_makes_no_pair(corpus, teacher, tmp_path):
    folder, facts = corpus
    out = tmp_path / "out"
    made = TwoDrafts(facts, lambda pair: {**pair, "answer": "31337 hours"})
    n = build(folder, out, teacher(otherwise=made), per_chunk=N_DRAFTS)["preferences_from_drafts"]
    rows = list(read_rows(out / "rows.jsonl"))
    chosen = next(row for row in rows if row.fate == "accepted")
    worse = next(row for row in reversed(rows) if row.fate == "rejected")
    with Decisions(out / "review.sqlite") as decisions:
        decisions.decide(chosen.as_dict(), "rejected")
        decisions.decide(worse.as_dict(), "rejected")
    assert export_data(out)["preferences_from_drafts"] == n - 2


def test_preferences_are_read_once_and_described_for_llama_factory(corpus, teacher, tmp_path):
    folder, facts = corpus
    out = tmp_path / "out"
    made = TwoDrafts(facts, lambda pair: {**pair, "answer": "31337 hours"})
    result = build(folder, out, teacher(otherwise=made), per_chunk=N_DRAFTS)
    n = result["preferences_from_drafts"]
    read = [
        row.example
        for row in read_data(Data(path=str(out / "dataset" / "preferences")))
        if getattr(row, "example", None) is not None
    ]
    assert len(read) == n
    told = json.loads((out / "dataset" / "dataset_info.json").read_text())["preferences_train"]
    assert told == {
        "file_name": "llamafactory/preferences_train.jsonl",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
    there = lines(out / "dataset" / told["file_name"])
    here = lines(out / "dataset" / "preferences" / "train.jsonl")
    assert [
        (row["conversations"][0]["value"], row["chosen"]["value"], row["rejected"]["value"])
        for row in there
    ] == [tuple(row[k][0]["content"] for k in ("prompt", "chosen", "rejected")) for row in here]
    assert there[0]["conversations"][0]["from"] == "human" and there[0]["chosen"]["from"] == "gpt"
    head = (out / "dataset" / "README.md").read_text("utf-8").split("---")[1]
    assert "llamafactory" not in head and "preferences/train.jsonl" in head


def test_all_preferences_have_the_same_fields_and_repeats_are_kept_once(corpus, teacher, tmp_path):
    folder, facts = corpus
    out = tmp_path / "out"
    wrong = {"answer": "31337 hours"}

    class Both(TwoDrafts):
        def _pairs(self, asked):
            # The worse answer of the first fact is the one that fails as a draft, too.
            worse = ["31337 hours"] + ["40000 hours"] * 99
            items = zip(super()._pairs(asked), worse, strict=False)
            return [{**pair, "worse_answer": text} for pair, text in items]

    kinds = [
        KINDS.parse({"name": "qa", "per_chunk": N_DRAFTS, "styles": ["fact"]}),
        KINDS.parse({"name": "preference", "per_chunk": 1}),
    ]
    made = Both(facts, lambda pair: {**pair, **wrong})
    result = build(folder, out, teacher(otherwise=made), kinds=kinds)
    rows = [
        row
        for split in ("train", "eval")
        for row in lines(out / "dataset" / "preferences" / f"{split}.jsonl")
    ]
    assert {row["provenance"]["kind"] for row in rows} == {"qa", "preference"}
    assert len({tuple(sorted(row["provenance"])) for row in rows}) == 1, "as tables need it"
    n_documents = 4
    assert result["preferences_from_drafts"] == len(facts) - n_documents
    assert len(rows) == len(facts)


# What the model to be tuned knows


def test_what_a_learner_knows_is_forgotten_without_it_and_belongs_to_the_row(
    corpus, teacher, tmp_path
):
    folder, facts = corpus
    out = tmp_path / "out"
    known = {fact.question: fact.answer for fact in facts}
    server = teacher(otherwise=FactTeacher(facts))
    knows = teacher(otherwise=lambda asked: Reply(known[asked.text]))
    train = out / "dataset" / "instructions" / "train.jsonl"

    build(folder, out, server, learner=knows)
    assert {row["provenance"]["closed_book"] for row in lines(train)} == {"known"}
    first = next(row for row in read_rows(out / "rows.jsonl") if row.split == "train")
    turns = [{"request": first.draft.turns[0].request, "answer": "about 12 years"}]
    with Decisions(out / "review.sqlite") as decisions:
        decisions.decide(first.as_dict(), "edited", turns=turns)
        export_data(out)
        edited = {row["id"]: row for row in lines(train)}[first.id]
        assert edited["provenance"]["closed_book"] == "", "another answer was compared"
        assert edited["messages"][1].get("weight") is None
        decisions.undo()

    build(folder, out, server)
    assert {row["provenance"]["closed_book"] for row in lines(train)} == {""}
    assert all(row["messages"][1].get("weight") is None for row in lines(train))
    export_data(out)
    assert {row["provenance"]["closed_book"] for row in lines(train)} == {""}


# Languages


def test_the_card_tells_rows_in_another_language_than_their_document(corpus, teacher, tmp_path):
    folder, facts = corpus

    class InEnglish(FactTeacher):
        def _pairs(self, asked):
            pairs = super()._pairs(asked)
            for n, pair in enumerate(pairs):
                pair["question"] = f"How many hours is part {n} of the machine rated for?"
                figure = pair["answer"].split()[0].removesuffix("小时")
                pair["answer"] = f"The part is rated for {figure} hours."
            return pairs

        def _verdicts(self, asked):
            n = asked.text.count('{"number": ')
            return [self._verdict(number, -1) for number in range(1, n + 1)]

    for path in folder.iterdir():
        path.unlink()
    text = "\n\n".join(fact.passage for fact in facts[1::2])
    (folder / "zh.txt").write_text(text, "utf-8")
    build(folder, tmp_path / "out", teacher(otherwise=InEnglish(facts)), language="en")
    card = (tmp_path / "out" / "dataset" / "README.md").read_text("utf-8")
    assert "4 rows are in another language than their document" in card


def test_the_card_says_nothing_of_languages_where_they_are_the_same(built):
    assert "another language" not in (built / "dataset" / "README.md").read_text("utf-8")


# Together or not at all


def test_a_folder_that_another_process_writes_is_left_alone(built):
    before = content(built / "dataset")
    with held(built, choose="Name another"), pytest.raises(RunError, match="in use by"):
        export_data(built, form="alpaca")
    assert content(built / "dataset") == before
    export_data(built, form="alpaca")
    assert content(built / "dataset").keys() == before.keys()


def test_a_folder_that_is_no_build_is_not_touched(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(RunError, match="no dataset that was built"):
        export_data(tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


def test_an_export_that_fails_midway_leaves_the_datasets_as_they_were(built):
    before = content(built / "dataset")
    rows = list(read_rows(built / "rows.jsonl"))
    first, last = rows[0], rows[-1]
    with Decisions(built / "review.sqlite") as decisions:
        decisions.decide(first.as_dict(), "rejected")
    away = replace(last, provenance=replace(last.provenance, chunk=99))
    write_rows(built / "rows.jsonl", [*rows[:-1], away])
    with pytest.raises(DataError, match="no passage 99"):
        export_data(built)
    assert content(built / "dataset") == before
    assert not list(built.glob(".dataset*"))


def test_what_a_killed_export_left_over_is_taken_away(built):
    before = content(built / "dataset")
    (built / ".dataset.new" / "instructions").mkdir(parents=True)
    (built / ".dataset.new" / "instructions" / "train.jsonl").write_text("{")
    export_data(built)
    assert content(built / "dataset") == before
    (built / "dataset").rename(built / ".dataset.old")  # killed between the two renames
    export_data(built)
    assert content(built / "dataset") == before and not list(built.glob(".dataset*"))


def test_files_that_somebody_put_there_stay(built):
    (built / "dataset" / "mine").mkdir()
    (built / "dataset" / "mine" / "notes.txt").write_text("mine")
    (built / "dataset" / "labels").mkdir()
    (built / "dataset" / "labels" / "train.jsonl").write_text("of an earlier writing")
    export_data(built)
    assert (built / "dataset" / "mine" / "notes.txt").read_text() == "mine"
    assert not (built / "dataset" / "labels").exists()


def test_a_folder_behind_a_link_is_written_where_it_is(built, tmp_path):
    before = content(built / "dataset")
    (built / "dataset").rename(tmp_path / "elsewhere")
    (built / "dataset").symlink_to(tmp_path / "elsewhere")
    export_data(built)
    assert (built / "dataset").is_symlink() and content(tmp_path / "elsewhere") == before


def test_a_swap_is_whole_or_nothing(tmp_path):
    place = tmp_path / "place"
    with swapped(place, ["a", "b"]) as new:
        (new / "a").write_text("1")
        (new / "b").write_text("1")
        assert not place.exists()
    with pytest.raises(ZeroDivisionError), swapped(place, ["a", "b"]) as new:
        (new / "a").write_text("2")
        raise ZeroDivisionError
    assert content(place) == {"a": b"1", "b": b"1"}
    with swapped(place, ["a", "b"]) as new:
        (new / "a").write_text("3")
    assert content(place) == {"a": b"3"} and [p.name for p in tmp_path.iterdir()] == ["place"]
