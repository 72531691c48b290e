from collections import Counter

import pytest

from tunesmith.checks.labels import Labels, one_letter_apart, suggestions
from tunesmith.core.examples import Labelled, UnpairedPreference


def labelled(counts: dict[str, int]) -> list[Labelled]:
    return [
        Labelled(f"{label} text {n}", label, "") for label, m in counts.items() for n in range(m)
    ]


def test_case_36_a_misspelt_label_is_an_error_with_a_suggestion(found):
    counts = {"positive": 30, "negative": 30, "postive": 1}

    finding = found(Labels(), train=labelled(counts))["label-typo"]

    assert finding.severity == "error"
    assert "'postive' comes once" in finding.fact
    assert "Write 'positive'" in finding.fix
    assert finding.places == ("train.jsonl:61",)


@pytest.mark.parametrize("variant", ["Positive", "positive ", "POSITIVE", "  positive"])
def test_case_36_case_and_white_space_make_no_other_label(variant):
    assert suggestions(Counter({"positive": 6, "negative": 9, variant: 4})) == {variant: "positive"}


@pytest.mark.parametrize(
    ("rare", "frequent"),
    [
        ("legal", "illegal"),
        ("moral", "amoral"),
        ("class 1", "class 2"),
        ("NNS", "NNP"),
        ("ham", "spam"),
    ],
)
def test_labels_that_are_alike_on_purpose_are_left_alone(rare, frequent):
    assert suggestions(Counter({frequent: 50, rare: 1})) == {}


def test_a_label_that_is_as_frequent_is_meant():
    assert suggestions(Counter({"positive": 50, "postive": 40})) == {}


@pytest.mark.parametrize("word", ["postive", "positve", "positivee", "positibe", "psoitive"])
def test_one_letter_missing_added_exchanged_or_swapped(word):
    assert one_letter_apart(word, "positive") and one_letter_apart("positive", word)


@pytest.mark.parametrize("word", ["positive", "pstive", "psitvie"])
def test_none_or_two_letters_are_not_one(word):
    assert not one_letter_apart(word, "positive")


def test_balance_is_told_and_a_warning_where_it_is_lopsided(found):
    even = found(Labels(), train=labelled({"yes": 30, "no": 10}))["label-balance"]
    assert (even.severity, even.details) == ("info", {"yes": 30, "no": 10})
    assert "'yes' 75.0%" in even.fact

    assert found(Labels(), train=labelled({"yes": 61, "no": 3}))["label-balance"].severity == (
        "warning"
    )


def test_one_label_alone_teaches_nothing(found):
    assert found(Labels(), train=labelled({"yes": 3}))["label-balance"].severity == "error"


def test_a_label_that_only_evaluation_has_is_an_error(found):
    findings = found(
        Labels(), train=labelled({"yes": 3, "no": 3}), test=labelled({"yes": 1, "maybe": 1})
    )

    assert findings["unseen-label"].places == ("test.jsonl:2",)


def test_several_classes_count_one_by_one_and_numbers_are_none(found):
    many = [Labelled("a", ("red", "round"), ""), Labelled("b", ("red",), "")]
    assert found(Labels(), train=many)["label-balance"].details == {"red": 2, "round": 1}
    assert not found(Labels(), train=[Labelled("a", 3.5, ""), Labelled("b", 4.0, "")])


def test_wanted_and_unwanted_answers_are_balanced_like_labels(found, ask):
    rows = [UnpairedPreference(ask("a", str(n)).messages, n < 3, "") for n in range(4)]

    assert found(Labels(), train=rows)["label-balance"].details == {
        "desirable": 3,
        "undesirable": 1,
    }
