from tunesmith.checks.duplicates import Duplicates
from tunesmith.checks.ids import Ids
from tunesmith.core.examples import Span, SpanQuestion


def test_a_repeated_row_is_told_with_both_its_places(found, ask):
    findings = found(Duplicates(), train=[ask("a", "b"), ask("c", "d"), ask("a", "b")])

    assert findings["exact-duplicates"].count == 1
    assert findings["exact-duplicates"].places == ("train.jsonl:1 and train.jsonl:3",)


def test_another_answer_to_the_same_prompt_is_no_repeat(found, ask):
    findings = found(Duplicates(), train=[ask("a", "b"), ask("a", "c"), ask("x", "y")])

    assert set(findings) == {"several-answers"}
    assert findings["several-answers"].count == 2
    assert findings["several-answers"].severity == "info"


def test_prompt_and_answer_are_told_apart(found, ask):
    assert not found(Duplicates(), train=[ask("ab", "c"), ask("a", "bc")])


def test_a_repeat_in_another_split_is_left_to_the_leaks(found, ask):
    assert not found(Duplicates(), train=[ask("a", "b")], validation=[ask("a", "b")])


def question(name: str, text: str) -> SpanQuestion:
    return SpanQuestion(text, "Rome is old.", (Span("Rome", 0),), "", id=name)


def test_case_35_duplicate_ids_are_listed(found):
    rows = [question("q1", "Which city?"), question("q2", "How old?"), question("q1", "Where?")]

    finding = found(Ids(), train=rows)["duplicate-ids"]

    assert finding.count == 1
    assert finding.places == ("train.jsonl:1 and train.jsonl:3",)


def test_questions_without_an_id_have_none_in_common(found):
    assert not found(Ids(), train=[question("", "Which city?"), question("", "How old?")])
