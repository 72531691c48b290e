"""``tunesmith data check`` from the file to its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tunesmith.cli.main import run
from tunesmith.core.bundled import BUNDLED
from tunesmith.core.examples import Message, Preference
from tunesmith.data.format import Format
from tunesmith.pipelines.check import Request, check, make_request
from tunesmith.pipelines.check_page import render_page
from tunesmith.recipe import make_recipe

TINY = str(BUNDLED["tunesmith-tiny"])


def pairs(start: int, stop: int) -> list[dict[str, str]]:
    topics = ["kettle", "lamp", "chair", "phone", "clock", "radio", "stove"]
    return [
        {
            "prompt": f"My {topics[n % 7]} number {n} is broken, what shall I do?",
            "completion": f"Send number {n} back.",
        }
        for n in range(start, stop)
    ]


def found(target: object, *overrides: str, **options: Any) -> dict[str, dict[str, Any]]:
    result = check(make_request(str(target), overrides), **options)
    return {finding["check"]: finding for finding in result["findings"]}


def errors(target: object, *overrides: str, **options: Any) -> set[str]:
    findings = found(target, *overrides, **options).values()
    return {finding["check"] for finding in findings if finding["severity"] == "error"}


def test_sound_data_is_ok(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *pairs(0, 20))

    result = check(make_request(str(file)))

    assert result["ok"]
    assert result["tokens"] is None
    assert result["lengths"]["unit"] == "characters"
    assert result["splits"]["train"]["read"] == result["splits"]["train"]["kept"] == 20


def test_case_35_a_leak_is_an_error_until_it_is_allowed(tmp_path, lines):
    lines(tmp_path / "train.jsonl", *pairs(0, 20))
    lines(tmp_path / "validation.jsonl", *pairs(18, 22))

    assert errors(tmp_path) == {"leaked-rows"}
    assert not errors(tmp_path, allow_leaks=True)


class Pairs(Format):
    """A format of the test's own: preferences in three columns."""

    name: str = "pairs"

    @classmethod
    def recognises(cls, record):
        return "better" in record

    def example(self, record, origin):
        asked, better, worse = (record[key] for key in ("asked", "better", "worse"))
        return Preference(
            (Message("user", asked),),
            (Message("assistant", better),),
            (Message("assistant", worse),),
            origin,
        )


def test_case_38_equal_preferences_are_dropped_and_told(tmp_path, lines):
    rows = [{"asked": f"Why {n}?", "better": "Because.", "worse": "Never."} for n in range(4)]
    rows[2]["worse"] = rows[2]["better"]
    file = lines(tmp_path / "pairs.jsonl", *rows)
    recipe = make_recipe({"data": {"path": str(file), "format": Pairs()}})

    result = check(Request(recipe, counts_tokens=False, task_is_told=False))

    counts = result["splits"]["train"]
    assert (counts["read"], counts["kept"], counts["dropped"]) == (4, 3, 1)
    told = next(f for f in result["findings"] if f["check"] == "dropped-rows")
    assert "the chosen answer equals the rejected one" in told["fact"]
    assert told["places"] == [f"{file}:3"]


def test_case_41_one_row_and_an_evaluation_larger_than_train_are_errors(tmp_path, lines):
    lines(tmp_path / "one.jsonl", *pairs(0, 1))
    assert errors(tmp_path / "one.jsonl") == {"one-row"}

    (tmp_path / "two").mkdir()
    lines(tmp_path / "two" / "train.jsonl", *pairs(0, 5))
    lines(tmp_path / "two" / "test.jsonl", *pairs(5, 12))
    assert errors(tmp_path / "two") == {"large-evaluation"}


def test_case_41_an_empty_file_is_an_error_with_its_name(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")

    findings = found(tmp_path / "empty.jsonl")

    assert errors(tmp_path / "empty.jsonl") == {"unreadable-file", "no-rows"}
    assert "empty.jsonl" in findings["unreadable-file"]["fact"]


def test_a_book_is_one_row_and_sound(tmp_path):
    (tmp_path / "book.txt").write_text("It was a dark night.\n" * 50)

    assert not errors(tmp_path / "book.txt")


def test_tokens_padding_and_packing_are_counted_with_a_tokenizer(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *pairs(0, 40))

    request = make_request(str(file), ["data.validation_fraction=0"], tokenizer=TINY)
    result = check(request)

    told = result["tokens"]["splits"]["train"]
    ledger = result["splits"]["train"]
    assert told["tokens"] == ledger["tokens"] > told["supervised_tokens"] > 0
    assert (told["wholly_masked"], told["without_end"]) == (0, 0)
    assert result["tokens"]["files"][str(file)]["tokens"] == told["tokens"]
    assert result["lengths"]["unit"] == "tokens"
    forecast = result["tokens"]["forecast"]
    room = forecast["packed_rows"] * result["tokens"]["max_tokens"]
    assert forecast["packed_fill_fraction"] == pytest.approx(told["tokens"] / room, abs=1e-4)
    at_random, by_length = (
        forecast["padding_fraction_at_random"],
        forecast["padding_fraction_by_length"],
    )
    assert 0 <= by_length <= at_random < 1


def test_rows_that_have_to_be_cut_are_a_warning_with_their_number(tmp_path, lines):
    rows = [{"dialogue": "a: " + "well, yes. " * n, "summary": "Yes."} for n in (3, 4, 90, 5)]
    file = lines(tmp_path / "a.jsonl", *rows)

    request = make_request(
        str(file), ["data.max_tokens=120", "data.validation_fraction=0"], tokenizer=TINY
    )
    result = check(request)

    cut = next(f for f in result["findings"] if f["check"] == "cut-rows")
    assert (cut["count"], cut["places"]) == (1, [f"{file}:3"])
    assert result["splits"]["train"]["cut_tokens"] > 0


def test_a_bad_row_is_told_once_with_and_without_tokens(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *pairs(0, 20), {"prompt": "x"})

    for tokenizer in (None, TINY):
        result = check(make_request(str(file), tokenizer=tokenizer))

        told = [f for f in result["findings"] if f["check"] == "rejected-rows"]
        assert [finding["count"] for finding in told] == [1]
        assert sum(counts["rejected"] for counts in result["splits"].values()) == 1


def test_running_text_is_counted_as_running_text(tmp_path):
    (tmp_path / "book.txt").write_text("It was a dark night.\n" * 500)

    result = check(make_request(str(tmp_path / "book.txt"), tokenizer=TINY))

    assert result["ok"]
    assert result["tokens"]["splits"]["train"]["without_end"] == 0


def test_data_that_cannot_be_encoded_is_a_finding_and_no_crash(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *pairs(0, 8))

    request = make_request(str(file), ["task=causal-lm"], tokenizer=TINY)
    result = check(request)

    assert [f["check"] for f in result["findings"] if f["severity"] == "error"] == ["encoding"]
    assert result["tokens"] is None


def test_the_command_exits_with_one_where_something_is_wrong(tmp_path, lines, capsys):
    good = lines(tmp_path / "good.jsonl", *pairs(0, 20))
    bad = lines(tmp_path / "bad.jsonl", *pairs(0, 20), {"prompt": "x"})

    assert run(["data", "check", str(good)]) == 0
    assert "20 read = 20 kept + 0 cut + 0 dropped + 0 rejected" in capsys.readouterr().out
    assert run(["data", "check", str(bad), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert run(["data", "check", str(tmp_path / "gone.jsonl")]) == 2


def test_a_recipe_is_checked_with_its_own_tokenizer(tmp_path, lines, capsys):
    file = lines(tmp_path / "a.jsonl", *pairs(0, 20))
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(json.dumps({"model": {"path": TINY}, "data": {"path": str(file)}}))

    assert run(["data", "check", str(recipe), "--template", "llama2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"]["splits"]["validation"]["rows"] == 2


def test_the_page_holds_every_finding_and_escapes_what_it_shows(tmp_path, lines):
    lines(tmp_path / "<b>.jsonl", *pairs(0, 20), *pairs(3, 5), {"prompt": "x"})

    result = check(make_request(str(tmp_path)))
    page = render_page(result, "<script>")

    assert "<script>" not in page and "<b>.jsonl" not in page
    assert all(finding["check"] in page for finding in result["findings"])
    assert "<svg" in page


def test_what_is_personal_is_told_nowhere(tmp_path, lines):
    secret = {"prompt": "Who are you?", "completion": "I am anna@example.org, 555-123-4567."}
    file = lines(tmp_path / "a.jsonl", *pairs(0, 20), secret)

    result = check(make_request(str(file)))

    assert {"personal-email", "personal-phone"} <= {f["check"] for f in result["findings"]}
    for shown in (json.dumps(result), render_page(result, "a")):
        assert "anna@" not in shown and "4567" not in shown


def test_dialogsum_has_its_dev_rows_in_the_sample(shared: Path):
    """Known truth: the sample file repeats fifty rows of dev and fifty of train."""
    findings = found(shared / "dialogsum")

    assert findings["leaked-rows"]["count"] == 50
    assert findings["exact-duplicates"]["count"] == 50
