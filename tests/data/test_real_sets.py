"""Every real file is recognised by its content, and each of its rows is accounted for.

The counts were taken from the files with ``json`` and ``csv`` alone, apart from the code under
test; the reasons are those that the sets' own descriptions and a look at the rows give.
"""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.read import Row, read_rows
from tunesmith.data.settings import Data

# file: format, kind, kept, rejected, what the reason says
SETS = {
    "alpaca/alpaca_data_1k.json": ("alpaca", "Conversation", 1000, 0, ""),
    "alpaca/alpaca_data.first900.json": ("alpaca", "Conversation", 899, 1, "'output' is empty"),
    "alpaca/seed_tasks.jsonl": ("self-instruct", "Conversation", 175, 0, ""),
    "dialogsum/dialogsum.dev.jsonl": ("dialogsum", "Conversation", 500, 0, ""),
    "dialogsum/dialogsum.sample.jsonl": ("dialogsum", "Conversation", 100, 0, ""),
    "dialogsum/dialogsum.test.first_half.jsonl": ("dialogsum", "Conversation", 250, 0, ""),
    "dialogsum/train_sample.csv": ("dialogsum", "Conversation", 601, 0, ""),
    "imdb/aclImdb_train_2000.csv": ("labels", "Labelled", 2000, 0, ""),
    "llamafactory/data/alpaca_en_demo.json": ("alpaca", "Conversation", 999, 0, ""),
    "llamafactory/data/alpaca_zh_demo.json": ("alpaca", "Conversation", 1000, 0, ""),
    "llamafactory/data/c4_demo.jsonl": ("text", "Document", 300, 0, ""),
    "llamafactory/data/dpo_en_demo.json": ("preference", "Preference", 300, 0, ""),
    "llamafactory/data/dpo_zh_demo.json": ("preference", "Preference", 300, 0, ""),
    "llamafactory/data/glaive_toolcall_en_demo.json": ("sharegpt", "Conversation", 300, 0, ""),
    # In two rows the call stands in a plain turn of the assistant's, as prose.
    "llamafactory/data/glaive_toolcall_zh_demo.json": (
        "sharegpt", "Conversation", 298, 2, "no call stands before it",
    ),
    "llamafactory/data/identity.json": ("alpaca", "Conversation", 91, 0, ""),
    "llamafactory/data/kto_en_demo.json": ("kto", "UnpairedPreference", 300, 0, ""),
    # Pictures, films and sounds are beside the text, or parts of it.
    "llamafactory/data/mllm_demo.json": ("messages", "", 0, 6, "'images' names media"),
    "llamafactory/data/mllm_audio_demo.json": ("messages", "", 0, 3, "'audios' names media"),
    "llamafactory/data/mllm_video_demo.json": ("messages", "", 0, 3, "'videos' names media"),
    "llamafactory/data/mllm_video_audio_demo.json": ("messages", "", 0, 3, "'videos' names media"),
    "llamafactory/data/v1_multimodal_demo.jsonl": ("messages", "", 0, 24, "type 'image_url'"),
    "llamafactory/data/reason_tool_use_demo_50.jsonl": ("messages", "Conversation", 50, 0, ""),
    "llamafactory/data/v1_dpo_demo.jsonl": ("preference", "Preference", 10, 0, ""),
    "llamafactory/data/v1_sft_demo.jsonl": ("messages", "Conversation", 500, 0, ""),
    "llamafactory/data/wiki_demo.txt": ("text", "Document", 1, 0, ""),
    "medicalgpt/dpo_zh_500.jsonl": ("preference", "Preference", 375, 0, ""),
    "medicalgpt/medical_sft_1K_format.jsonl": ("sharegpt", "Conversation", 750, 0, ""),
    "medicalgpt/pretrain_en_article_tail500.txt": ("text", "Document", 1, 0, ""),
    "medicalgpt/rag_medical_corpus.txt": ("text", "Document", 1, 0, ""),
    # One row has 17 empty turns, another ends with the user's.
    "medicalgpt/sharegpt_zh_1K_format.jsonl": ("sharegpt", "Conversation", 331, 2, "turn"),
    "medicalgpt/toolcall_dpo_zh_demo.jsonl": ("preference", "Preference", 8, 0, ""),
    "squad/cmrc2018_trial.squad.json": ("squad", "SpanQuestion", 1000, 2, "'question' is empty"),
    "squad/xquad.en.json": ("squad", "SpanQuestion", 632, 0, ""),
    "squad/xquad.zh.json": ("squad", "SpanQuestion", 632, 0, ""),
    "tinyshakespeare/input.txt": ("text", "Document", 1, 0, ""),
    "tweetsumm/csv_cleaned/tweetsum_train.csv": ("tweetsumm", "Conversation", 763, 0, ""),
    "tweetsumm/csv_cleaned/tweetsum_valid.csv": ("tweetsumm", "Conversation", 96, 0, ""),
    "tweetsumm/csv_extractive/twcs_train.csv": ("tweetsumm", "Conversation", 2124, 0, ""),
    "tweetsumm/csv_extractive/twcs_val.csv": ("tweetsumm", "Conversation", 292, 0, ""),
    "tweetsumm/dialogstudio/train.jsonl": ("tweetsumm", "Conversation", 514, 0, ""),
    "tweetsumm/dialogstudio/validation.jsonl": ("tweetsumm", "Conversation", 74, 0, ""),
    "tweetsumm/dialogstudio_examples/converted_examples.json": (
        "tweetsumm", "Conversation", 5, 0, "",
    ),
    "tweetsumm/dialogstudio_examples/original_examples.json": (
        "tweetsumm", "Conversation", 5, 0, "",
    ),
    "tweetsumm/original_ids/final_train_tweetsum.jsonl": (
        "tweetsumm", "", 0, 773, "numbers of tweets and not their text",
    ),
    "tweetsumm/original_ids/final_valid_tweetsum.jsonl": (
        "tweetsumm", "", 0, 98, "numbers of tweets and not their text",
    ),
    "wikitext-2/valid.txt": ("text", "Document", 1, 0, ""),
}  # fmt: skip
MENDED = {"squad/cmrc2018_trial.squad.json": 5}


def rows_of(path, form=None) -> list[Row]:
    return [row for row in read_rows(Data(path=str(path), format=form)) if isinstance(row, Row)]


def plain_records(path) -> list[dict]:
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines(keepends=True)))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line]
    if path.suffix == ".txt":
        return [{"text": text}]
    value = json.loads(text)
    if isinstance(value, dict) and "data" in value:
        return [q for a in value["data"] for p in a["paragraphs"] for q in p["qas"]]
    return list(value.values()) if isinstance(value, dict) else value


@pytest.mark.parametrize("name", SETS)
def test_a_real_file_is_recognised_and_every_row_is_accounted_for(shared, name):
    form, kind, n_kept, n_rejected, reason = SETS[name]
    rows = rows_of(shared / name)
    assert rows == rows_of(shared / name, form), "recognised as another format"
    assert Counter(row.fate for row in rows) == Counter(kept=n_kept, rejected=n_rejected)
    assert {type(row.example).__name__ for row in rows if row.example} <= {kind}
    assert all(reason in row.reason for row in rows if row.example is None)
    assert sum(bool(row.mended) for row in rows) == MENDED.get(name, 0)
    assert len(rows) == len(plain_records(shared / name))


def test_every_real_file_of_records_is_in_the_table(shared):
    files = {
        str(file.relative_to(shared))
        for suffix in ("json", "jsonl", "csv", "txt")
        for file in shared.rglob(f"*.{suffix}")
    }
    # Of models, tokenizers, documents and other programs' settings, none holds records.
    apart = ("models/", "tokenizers/", "documents/", "llamafactory/examples/")
    about = "llamafactory/data/dataset_info.json"
    assert {f for f in files if not f.startswith(apart) and f != about} == set(SETS)


def test_contents_are_kept_as_they_are_written(shared):
    name = "llamafactory/data/alpaca_en_demo.json"
    for row, record in zip(rows_of(shared / name), plain_records(shared / name), strict=True):
        request, answer = row.example.messages
        assert (request.content, request.input) == (record["instruction"], record["input"])
        assert answer.content == record["output"]


def test_reasoning_and_calls_of_a_real_set_are_told_apart(shared):
    file = shared / "llamafactory/data/reason_tool_use_demo_50.jsonl"
    rows, records = rows_of(file), plain_records(file)
    turns = [m for row in rows for m in row.example.messages if m.role == "assistant"]
    assert sum(len(m.tool_calls) for m in turns) == 41 + 9 * 2 + 3 * 3
    assert all(m.content.startswith("<think>\n") for m in turns)
    assert all(row.example.tools in ("", r["tools"]) for row, r in zip(rows, records, strict=True))


def test_weights_of_a_real_set_are_read(shared):
    rows = rows_of(shared / "llamafactory/data/v1_sft_demo.jsonl")
    weights = Counter((m.role, m.weight) for row in rows for m in row.example.messages)
    assert weights == {("user", 0.0): 500, ("assistant", 1.0): 500}


def test_the_two_layouts_of_the_same_five_dialogues_say_the_same(shared):
    """One layout joins turns of the same speaker, so what each side says is compared."""
    folder = shared / "tweetsumm/dialogstudio_examples"
    said = []
    for name in ("converted_examples.json", "original_examples.json"):
        examples = [row.example for row in rows_of(folder / name)]
        said.append(
            [
                (
                    {
                        side: " ".join(
                            line.removeprefix(f"{side}: ")
                            for line in example.messages[0].input.split("\n")
                            if line.startswith(f"{side}: ")
                        )
                        for side in ("user", "agent")
                    },
                    example.answer,
                    example.references,
                    example.group,
                )
                for example in examples
            ]
        )
    assert said[0] == said[1]


def test_extracts_are_laid_out_as_turns(shared):
    """A tweet with line breaks stays one turn; customers are numbers, companies have names."""
    rows = rows_of(shared / "tweetsumm/csv_extractive/twcs_train.csv")
    lines = [line for row in rows for line in row.example.messages[0].input.split("\n")]
    assert all(line.startswith(("user: ", "agent: ")) for line in lines)
    assert rows[0].example.group == "135060"


def test_cleaned_dialogues_lose_their_breaks(shared):
    rows = rows_of(shared / "tweetsumm/csv_cleaned/tweetsum_train.csv")
    assert not any("<BR>" in row.example.messages[0].input for row in rows)


def test_a_question_of_a_nested_file_is_found_by_its_place(shared):
    file = shared / "squad/cmrc2018_trial.squad.json"
    rejected = [row.origin for row in rows_of(file) if row.fate == "rejected"]
    assert rejected == [f"{file}:189/1/TRIAL_776_QUERY_4", f"{file}:207/1/TRIAL_20_QUERY_0"]
    asked = json.loads(file.read_text("utf-8"))["data"][188]["paragraphs"][0]["qas"]
    assert [q["question"] for q in asked if q["id"] == "TRIAL_776_QUERY_4"] == [""]


def test_every_answer_of_real_questions_stands_at_its_place(shared):
    for name in ("xquad.en.json", "xquad.zh.json", "cmrc2018_trial.squad.json"):
        for row in rows_of(shared / "squad" / name):
            for span in row.example.answers if row.example else ():
                assert row.example.context.startswith(span.text, span.start)


def test_contexts_of_one_article_are_one_group(shared):
    rows = rows_of(shared / "squad/xquad.en.json")
    assert len({row.example.group for row in rows}) == 24


def test_a_text_that_no_format_knows_is_refused(shared):
    with pytest.raises(DataError, match=r"no format is known"):
        rows_of(shared / "llamafactory/data/dataset_info.json")
