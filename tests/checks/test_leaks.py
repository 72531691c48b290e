import pytest

from tunesmith.checks.leaks import Leaks


def test_case_35_the_same_pair_in_train_and_eval_is_an_error(found, ask):
    train = [ask("a", "b"), ask("c", "d")]
    finding = found(Leaks(allowed=False), train=train, validation=[ask("c", "d")])["leaked-rows"]

    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.places == ("train.jsonl:2 and validation.jsonl:1",)
    assert "--allow-leaks" in finding.fix


def test_case_35_a_leak_that_is_allowed_is_told_and_no_error(found, ask):
    findings = found(Leaks(allowed=True), train=[ask("a", "b")], test=[ask("a", "b")])

    assert findings["leaked-rows"].severity == "info"


def test_the_same_prompt_with_another_answer_leaks_too_and_is_counted_once(found, ask):
    train = [ask("a", "b"), ask("c", "d")]
    findings = found(Leaks(allowed=False), train=train, test=[ask("a", "b"), ask("c", "x")])

    assert {name: f.count for name, f in findings.items()} == {
        "leaked-rows": 1,
        "leaked-prompts": 1,
    }


def test_rows_of_one_document_on_both_sides_are_a_warning(found, ask):
    train, test = [ask("a", "b", group="page 1")], [ask("c", "d", group="page 1")]

    finding = found(Leaks(allowed=False), train=train, test=test)["shared-groups"]

    assert finding.severity == "warning"
    assert "split_by=group" in finding.fix


@pytest.mark.parametrize("group", ["", "page 2"])
def test_rows_of_no_document_or_of_different_ones_share_none(found, ask, group):
    train, test = [ask("a", "b", group="page 1"), ask("x", "y")], [ask("c", "d", group=group)]

    assert not found(Leaks(allowed=False), train=train, test=test)
