from __future__ import annotations

import json

import pytest

from tunesmith.core.errors import RunError
from tunesmith.pipelines.harness_replies import HarnessReplies

SAID = {"one": [-1.25, True], "two": "Ana\nBo \ud800", "three": -0.1}


def kept(file, model="a"):
    replies = HarnessReplies(file, model)
    return {name: replies.get(name) for name in SAID}


def test_replies_are_read_as_they_were_kept(tmp_path):
    file = tmp_path / "answers" / "a.jsonl"
    replies = HarnessReplies(file, "a")
    assert not file.parent.exists()
    replies.keep({"one": SAID["one"]})
    replies.keep({"two": SAID["two"], "three": SAID["three"]})
    assert kept(file) == SAID == {name: replies.get(name) for name in SAID}
    assert kept(file, "another model") == dict.fromkeys(SAID)


def test_a_torn_line_is_left_out_and_the_rest_goes_on(tmp_path):
    file = tmp_path / "a.jsonl"
    HarnessReplies(file, "a").keep(SAID)
    whole = file.read_bytes()
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        replies = HarnessReplies(file, "a")
        lacking = {name: said for name, said in SAID.items() if replies.get(name) is None}
        replies.keep(lacking)
        assert kept(file) == SAID
        assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "answers").write_text("a file in the way")
    with pytest.raises(RunError, match="another folder with --out"):
        HarnessReplies(tmp_path / "answers" / "a.jsonl", "a").keep(SAID)


def test_replies_of_several_models_stay_in_one_file(tmp_path):
    file = tmp_path / "a.jsonl"
    HarnessReplies(file, "a").keep({"one": 1})
    HarnessReplies(file, "b").keep({"one": 2})
    assert [HarnessReplies(file, name).get("one") for name in "abc"] == [1, 2, None]


def test_a_broken_line_is_told_and_takes_nothing_along(tmp_path):
    file = tmp_path / "a.jsonl"
    HarnessReplies(file, "a").keep(SAID)
    first, second, third = file.read_bytes().splitlines(keepends=True)
    broken = first + second[:9] + b"\n" + third
    file.write_bytes(broken)
    with pytest.raises(RunError, match=r"a\.jsonl:2: .*--out"):
        HarnessReplies(file, "a")
    assert file.read_bytes() == broken


def test_replies_of_the_layout_before_count(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text(
        json.dumps({"model": "a"}) + "\n" + json.dumps({"request": "one", "reply": 1}) + "\n"
    )
    HarnessReplies(file, "b").keep({"one": 2})
    assert [HarnessReplies(file, name).get("one") for name in "ab"] == [1, 2]


def test_what_a_url_served_last_is_known_again(tmp_path):
    file = tmp_path / "a.jsonl"
    replies = HarnessReplies(file)
    assert replies.served is None
    for served in ("one", "two", "one"):
        replies.begin(f"a of {served}", served)
    replies.keep({"x": 1})
    again = HarnessReplies(file)
    again.begin("a of one", "one")
    assert again.served == "one" and again.get("x") == 1
    assert len(file.read_text("utf-8").splitlines()) == 4
