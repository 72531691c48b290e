"""Descriptions of data sets become sources with an explicit format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tunesmith.compat.llamafactory.dataset_info import read_dataset_info
from tunesmith.compat.llamafactory.sources import source
from tunesmith.core.errors import DataError
from tunesmith.data.read import read_rows
from tunesmith.data.records import Notice
from tunesmith.data.settings import Data

OPENAI_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
}


def converted(description: dict[str, Any], stage: str = "sft", folder: str = "data") -> Any:
    (info,), _ = read_dataset_info(["mine"], {"mine": description})
    return source(info, folder, stage)


def test_without_columns_the_defaults_hold():
    assert converted({"file_name": "a.json"}) == {
        "path": "data/a.json",
        "format": {
            "name": "alpaca",
            "instruction_key": "instruction",
            "input_key": "input",
            "output_key": "output",
            "system_key": None,
            "history_key": None,
        },
    }


def test_where_columns_are_given_all_others_are_null():
    columns = {"prompt": "question", "response": "answer", "system": "role"}
    form = converted({"file_name": "a.json", "columns": columns})["format"]
    assert form == {
        "name": "alpaca",
        "instruction_key": "question",
        "input_key": None,
        "output_key": "answer",
        "system_key": "role",
        "history_key": None,
    }


def test_sharegpt_has_its_five_roles():
    form = converted({"file_name": "a.json", "formatting": "sharegpt"})["format"]
    assert form == {
        "name": "sharegpt",
        "messages_key": "conversations",
        "role_key": "from",
        "content_key": "value",
        "roles": {
            "system": "system",
            "human": "user",
            "gpt": "assistant",
            "observation": "tool",
            "function_call": "tool_call",
        },
        "tools_key": None,
        "system_key": None,
    }


def test_where_tags_are_given_all_others_are_null():
    description = {"file_name": "a.json", "formatting": "sharegpt", "tags": OPENAI_TAGS}
    form = converted({**description, "columns": {"messages": "messages"}})["format"]
    assert form["roles"] == {"user": "user", "assistant": "assistant"}
    assert (form["messages_key"], form["role_key"]) == ("messages", "role")


def test_a_call_by_another_tag_is_told_apart():
    tags = {**OPENAI_TAGS, "function_tag": "fn"}
    form = converted({"file_name": "a.json", "formatting": "sharegpt", "tags": tags})["format"]
    assert form["roles"]["fn"] == "tool_call"


@pytest.mark.parametrize("tags", [{}, {"tags": OPENAI_TAGS}])
def test_openai_messages_are_read_as_messages(tags):
    columns = {"messages": "messages", "tools": "tools"}
    form = converted({"file_name": "a", "formatting": "openai", "columns": columns, **tags})
    assert form["format"] == {
        "name": "messages",
        "messages_key": "messages",
        "system_key": None,
        "tools_key": "tools",
    }


def test_ranked_alpaca_rows_are_preferences():
    columns = {"prompt": "question", "chosen": "good", "rejected": "bad", "system": "system"}
    form = converted({"file_name": "a.json", "ranking": True, "columns": columns}, "dpo")["format"]
    assert form == {
        "name": "preference",
        "prompt_key": "question",
        "chosen_key": "good",
        "rejected_key": "bad",
        "system_key": "system",
        "tools_key": None,
        "input_key": None,
        "history_key": None,
    }


def test_ranked_dialogues_are_preferences():
    columns = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
    description = {"file_name": "a.json", "ranking": True, "formatting": "sharegpt"}
    form = converted({**description, "columns": columns}, "dpo")["format"]
    assert (form["name"], form["messages_key"]) == ("preference", "conversations")
    assert (form["chosen_key"], form["rejected_key"]) == ("chosen", "rejected")
    assert form["roles"]["human"] == "user"


def test_kto_rows_have_a_label():
    columns = {"messages": "messages", "kto_tag": "label"}
    description = {"file_name": "a.json", "formatting": "sharegpt", "tags": OPENAI_TAGS}
    form = converted({**description, "columns": columns}, "kto")["format"]
    assert form["name"] == "kto"
    assert (form["messages_key"], form["label_key"]) == ("messages", "label")
    columns = {"prompt": "prompt", "response": "completion", "kto_tag": "label"}
    assert converted({"file_name": "a.json", "columns": columns}, "kto")["format"] == {
        "name": "kto",
        "prompt_key": "prompt",
        "completion_key": "completion",
        "label_key": "label",
        "system_key": None,
        "tools_key": None,
        "input_key": None,
        "history_key": None,
    }


def test_plain_text_is_read_line_by_line():
    text = {"columns": {"prompt": "text"}}
    form = converted({"file_name": "wiki.txt", **text}, "pt")["format"]
    assert form == {"name": "text", "text_key": "text", "unit": "line"}
    form = converted({"file_name": "c4.jsonl", **text}, "pt")["format"]
    assert form == {"name": "text", "text_key": "text"}


@pytest.mark.parametrize(
    ("places", "path"),
    [
        (("hf_hub_url", "ms_hub_url", "script_url", "cloud_file_name", "file_name"), "hf:o/hf"),
        (("file_name",), "data/o/file"),
    ],
)
def test_the_first_place_holds(places, path):
    addresses = {place: f"o/{place.partition('_')[0]}" for place in reversed(places)}
    assert converted(addresses)["path"] == path


FAR_AWAY = {
    "ms_hub_url": "o/name",
    "om_hub_url": "o/name",
    "script_url": "belle.py",
    "cloud_file_name": "s3://bucket/a.json",
}


@pytest.mark.parametrize(("place", "address"), FAR_AWAY.items())
def test_what_cannot_be_reached_is_named_with_a_way_to_get_it(place, address):
    with pytest.raises(DataError) as caught:
        converted({place: address, "file_name": "a.json"})
    assert f"mine: {place}: '{address}'" in str(caught.value)
    assert "file_name" in str(caught.value)


def test_a_hub_set_has_its_subset_and_its_split():
    found = converted({"hf_hub_url": "o/name", "subset": "en", "split": "train_sft"})
    assert (found["path"], found["split"]) == ("hf:o/name/en", "train_sft")
    with pytest.raises(DataError, match=r"folder: 'python'.*hf download o/name"):
        converted({"hf_hub_url": "o/name", "folder": "python"})
    with pytest.raises(DataError, match=r"train\[:10%\].*max_samples"):
        converted({"hf_hub_url": "o/name", "split": "train[:10%]"})


def test_a_draw_of_rows_is_kept_and_the_legacy_hash_ignored():
    assert (
        converted({"file_name": "a.json", "num_samples": 7, "file_sha1": "x"})["num_samples"] == 7
    )


WRONG = {
    "file_nam": ({"file_nam": "a"}, "Did you mean 'file_name'"),
    "column": ({"file_name": "a", "columns": {"promt": "x"}}, "columns.promt.*'prompt'"),
    "tag": ({"file_name": "a", "tags": {"user": "x"}}, "tags.user: no such key"),
    "formatting": ({"file_name": "a", "formatting": "sharegtp"}, "Did you mean 'sharegpt'"),
    "nowhere": ({"formatting": "sharegpt"}, "says nowhere where the data lies"),
    "no turns": (
        {"file_name": "a", "formatting": "sharegpt", "columns": {"tools": "t"}},
        "columns.messages: is needed",
    ),
    "no tag": ({"file_name": "a", "formatting": "sharegpt", "tags": {}}, "tags.role_tag: is need"),
    "no answer": ({"file_name": "a", "columns": {"prompt": "text"}}, "is for stage: pt"),
    "ranked": ({"file_name": "a", "ranking": True}, "ranking: true.*stage: dpo"),
    "kto": ({"file_name": "a", "columns": {"prompt": "x", "kto_tag": "y"}}, "stage: kto"),
    "images": ({"file_name": "a", "columns": {"images": "x"}}, "columns.images: text data only"),
    "kind": ({"file_name": "a.xlsx"}, "of no known kind"),
    "split": ({"file_name": "a.json", "split": "test"}, "Leave split out"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_description_names_set_key_and_way_out(case):
    description, expected = WRONG[case]
    with pytest.raises(DataError, match=f"mine: .*{expected}"):
        converted(description)


def test_every_stage_asks_for_its_own_data():
    with pytest.raises(DataError, match="only with stage: dpo"):
        converted({"file_name": "a.json", "ranking": True})
    with pytest.raises(DataError, match="not with stage: dpo"):
        converted({"file_name": "a.json"}, "dpo")
    with pytest.raises(DataError, match="one column holds the text"):
        converted({"file_name": "a.json"}, "pt")


def test_a_folder_holds_one_kind_and_training_rows_only(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.json").write_text("[]")
    (folder / "b.jsonl").write_text("")
    assert converted({"file_name": "many"}, folder=str(tmp_path))["path"] == str(folder)
    (folder / "dev.json").write_text("[]")
    with pytest.raises(DataError, match="says that it is held out"):
        converted({"file_name": "many"}, folder=str(tmp_path))
    (folder / "c.csv").write_text("")
    with pytest.raises(DataError, match="holds csv, json files"):
        converted({"file_name": "many"}, folder=str(tmp_path))


def test_the_folder_of_the_data(tmp_path):
    (tmp_path / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "a.json"}}))
    (info,), folder = read_dataset_info(["mine"], str(tmp_path))
    assert source(info, folder, "sft")["path"] == str(tmp_path / "a.json")
    with pytest.raises(
        DataError, match=r"dataset_info\.json: describes no data set 'mien'.*'mine'"
    ):
        read_dataset_info(["mien"], str(tmp_path))
    with pytest.raises(DataError, match="no such file.*dataset_dir="):
        read_dataset_info(["mine"], str(tmp_path / "nope"))
    (tmp_path / "dataset_info.json").write_text('{"mine":\n {')
    with pytest.raises(DataError, match=r"dataset_info\.json:2: broken JSON"):
        read_dataset_info(["mine"], str(tmp_path))


def test_addresses_in_place_of_descriptions():
    (info,), _ = read_dataset_info(["o/name"], "ONLINE")
    assert source(info, ".", "sft")["path"] == "hf:o/name"
    with pytest.raises(DataError, match="hf download o/demo --repo-type dataset"):
        read_dataset_info(["x"], "REMOTE:o/demo")


def test_the_real_descriptions_all_become_sources_or_say_why_not(shared: Path):
    """104 sets; which of them are text for which stage is told from their keys alone."""
    folder = shared / "llamafactory/data"
    descriptions = json.loads((folder / "dataset_info.json").read_text("utf-8"))
    fates: dict[str, int] = {}
    for name, description in descriptions.items():
        columns = description.get("columns", {})
        stage = "dpo" if description.get("ranking") else "kto" if "kto_tag" in columns else "sft"
        if set(columns) == {"prompt"}:
            stage = "pt"
        (info,), place = read_dataset_info([name], str(folder))
        try:
            found = source(info, place, stage)
        except DataError as error:
            assert f"{name}: " in str(error)
            has_media = {"images", "videos", "audios"} & set(columns)
            far = "hf_hub_url" not in description and "file_name" not in description
            nameless = stage == "dpo" and not columns  # their default names of answers are null
            assert has_media or far or nameless or "folder" in description, str(error)
            fates["refused"] = fates.get("refused", 0) + 1
        else:
            kind = found["format"]["name"]
            fates[kind] = fates.get(kind, 0) + 1
    n_media = sum(
        bool({"images", "videos", "audios"} & set(d.get("columns", {})))
        for d in descriptions.values()
    )
    # deepctrl is on ModelScope, starcoder_python a folder; two ranked sets name no answers.
    assert fates["refused"] == n_media + 4
    assert sum(fates.values()) == len(descriptions) == 104


REAL = {
    "identity": ("sft", 91),
    "alpaca_en_demo": ("sft", 999),
    "alpaca_zh_demo": ("sft", 1000),
    "glaive_toolcall_en_demo": ("sft", 300),
    "glaive_toolcall_zh_demo": ("sft", 300),
    "dpo_en_demo": ("dpo", 300),
    "dpo_zh_demo": ("dpo", 300),
    "kto_en_demo": ("kto", 300),
    "wiki_demo": ("pt", 30),
    "c4_demo": ("pt", 300),
}
"""Text sets whose files are here: their stage, and how many records the files hold."""


@pytest.mark.parametrize("name", REAL)
def test_every_record_of_the_real_sets_is_read_by_its_described_format(shared: Path, name):
    stage, n_records = REAL[name]
    (info,), folder = read_dataset_info([name], str(shared / "llamafactory/data"))
    fields = source(info, folder, stage)
    rows = [
        row
        for row in read_rows(Data.model_validate({"sources": [fields]}))
        if not isinstance(row, Notice)
    ]
    assert len(rows) == n_records
    left_out = [f"{row.origin}: {row.reason}" for row in rows if row.example is None]
    assert len(left_out) <= n_records * 0.01, left_out[:3]
