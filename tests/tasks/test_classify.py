from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError, RecipeError
from tunesmith.core.examples import Labelled
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe
from tunesmith.tasks import TASKS
from tunesmith.tasks.read_label import first_label, first_number, mentioned_labels
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
TEMPLATE = TEMPLATES.parse("summarization")


def encode(label, text="A fine film.", limits=(50,), **fields):
    task = TASKS.parse({"name": "classify", **fields})
    [outcome] = task.encode([Labelled(text, label, "f:1")], TEMPLATE, TINY, Limits(*limits))
    return outcome


def prepared(tiny, file, **fields):
    data = {"path": str(file), "validation_fraction": 0.25, **fields.pop("data", {})}
    task = {"name": "classify", **fields}
    return prepare(make_recipe({"model": {"path": str(tiny)}, "data": data, "task": task}))


def rows(*labels, key="label"):
    return [{"text": f"Text number {n} of them.", key: label} for n, label in enumerate(labels)]


def test_a_text_stands_behind_bos_and_its_last_token_is_judged():
    [row] = encode("good").rows
    assert row.input_ids.tolist() == [1, *TINY.encode("A fine film.")]
    assert np.flatnonzero(row.weights).tolist() == [len(row) - 1]
    assert (row.labels, row.values) == (("good",), ())


def test_what_looks_like_a_special_token_stays_text():
    [row] = encode("good", "an end </s>").rows
    assert TINY.eos_id not in row.input_ids


@pytest.mark.parametrize("side", ["end", "start"])
def test_a_long_text_is_cut_and_counted(side):
    whole = encode("good", "one two three " * 40, (9999,)).rows[0].input_ids
    cut = encode("good", "one two three " * 40, (20, "cut", side))
    kept = whole[:20] if side == "end" else np.concatenate([whole[:1], whole[-19:]])
    assert cut.rows[0].input_ids.tolist() == kept.tolist()
    assert (cut.fate, cut.reason, cut.n_cut) == ("cut", f"{side} of the text", len(whole) - 20)
    assert encode("good", "word " * 40, (20, "drop")).fate == "dropped"
    with pytest.raises(DataError, match=r"f:1: \d+ tokens, and the limit is 20"):
        encode("good", "word " * 40, (20, "error"))


def test_a_start_is_cut_wholly_where_no_bos_stands_before_it():
    bare = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
    bare.bos = None
    task = TASKS.parse("classify")
    example = Labelled("one two three " * 40, "good", "f:1")
    whole = bare.encode(example.text)
    for found in (
        task.encode([example], TEMPLATE, bare, Limits(20, "cut", "start")),
        task.inputs([example], bare, Limits(20, "cut", "start")),
    ):
        assert found[0].rows[0].input_ids.tolist() == list(whole[-20:])


def test_the_last_token_stays_where_there_is_room_for_one_alone():
    cut = encode("good", "one two three " * 40, (1, "cut", "start"))
    assert cut.rows[0].input_ids.tolist() == [TINY.encode("one two three " * 40)[-1]]


def test_fault_36_a_label_that_is_not_in_the_list_is_rejected_with_the_nearest():
    outcome = encode("postive", labels=["negative", "positive"])
    assert outcome.fate == "rejected"
    assert "label 'postive' is not in task.labels. Did you mean 'positive'?" in outcome.reason


def test_fault_36_a_misspelt_label_becomes_no_class(tiny, tmp_path, lines):
    labels = ["positive", "negative"] * 12 + ["postive"]
    file = lines(tmp_path / "a.jsonl", *rows(*labels))
    with pytest.raises(DataError, match=r"a\.jsonl:25: label 'postive' comes once.*'positive' \d+"):
        prepared(tiny, file, data={"validation_fraction": 0})
    found = prepared(tiny, file, data={"bad_rows": "reject", "validation_fraction": 0})
    assert found.task.labels == ["negative", "positive"]
    counts = found.ledger.as_dict()["train"]
    assert (counts["read"], counts["kept"], counts["rejected"]) == (25, 24, 1)
    assert counts["tokens"] == int(found.encoded["train"].lengths.sum())
    named = prepared(tiny, file, labels=["negative", "positive", "postive"])
    assert named.task.labels[-1] == "postive"


def test_a_label_of_evaluation_alone_is_rejected(tiny, tmp_path, lines):
    lines(tmp_path / "d/train.jsonl", *rows("yes", "no", "yes", "no"))
    lines(tmp_path / "d/validation.jsonl", {"text": "other", "label": "on"})
    with pytest.raises(DataError, match=r"validation\.jsonl:1: label 'on' is not one of those"):
        prepared(tiny, tmp_path / "d")


def test_problem_and_labels_are_settled_by_the_training_rows(tiny, tmp_path, lines):
    one = prepared(tiny, lines(tmp_path / "a.jsonl", *rows(*"baabab")))
    several = prepared(tiny, lines(tmp_path / "b.jsonl", *rows(["a"], [], ["b", "a"], ["b"])))
    number = prepared(tiny, lines(tmp_path / "c.jsonl", *rows(1.5, 2.0, 3.25, 4.5)))
    assert (one.task.problem, one.task.labels) == ("single", ["a", "b"])
    assert (several.task.problem, several.task.labels) == ("multi", ["a", "b"])
    assert (number.task.problem, number.task.labels) == ("regression", ["LABEL_0"])
    assert number.task.head().problem == "regression"


def test_numbers_in_a_table_are_learnt_as_such_when_it_is_said(tiny, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,label\n" + "".join(f"text {n},{n / 2}\n" for n in range(8)))
    with pytest.raises(DataError, match=r"labels are numbers.*task\.problem=regression"):
        prepared(tiny, file)
    found = prepared(tiny, file, problem="regression")
    values = sorted(found.encoded["train"].values_of(0).tolist() for _ in range(1))
    assert found.task.labels == ["LABEL_0"] and len(values[0]) == 1


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("a", "a", "a", "a"), "every training row has the label 'a'"),
        (("a", 1.5, "b", "a"), "have a number as label"),
    ],
)
def test_labels_with_nothing_to_tell_apart_are_refused(tiny, tmp_path, lines, labels, told):
    with pytest.raises(DataError, match=told):
        prepared(tiny, lines(tmp_path / "a.jsonl", *rows(*labels)), data={"validation_fraction": 0})


def test_balanced_weights_are_those_of_scikit_learn(tiny, tmp_path, lines):
    sklearn = pytest.importorskip("sklearn.utils.class_weight")
    labels = ["a"] * 9 + ["b"] * 3 + ["c"]
    file = lines(tmp_path / "a.jsonl", *rows(*labels))
    found = prepared(
        tiny, file, labels=list("abc"), class_weights="balanced", data={"validation_fraction": 0}
    )
    expected = sklearn.compute_class_weight("balanced", classes=np.array(list("abc")), y=labels)
    assert list(found.task.class_weights.values()) == pytest.approx(expected)
    [*_, last] = [found.task.rows(found.encoded["train"], 2).batch(range(13))]
    assert last.n_targets == pytest.approx(13)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"labels": ["a", "a"]}, "a name comes twice"),
        ({"labels": ["a"], "problem": "single"}, "two classes at least"),
        ({"labels": ["a"], "problem": "regression"}, "a regression has none"),
        ({"labels": ["a", "b"], "class_weights": {"a": 1.0}}, "'b' is not in both"),
        ({"problem": "multi", "class_weights": "balanced"}, "problem=single alone"),
    ],
)
def test_fields_that_do_not_go_together_are_told(fields, told):
    with pytest.raises(RecipeError, match=told):
        make_recipe({"data": {"path": "x"}, "task": {"name": "classify", **fields}})


def test_what_is_asked_names_the_labels_and_is_read_back():
    task = TASKS.parse({"name": "classify", "problem": "single", "labels": ["bad", "good"]})
    example = Labelled("A fine film.", "good", "f:1")
    asked = task.ask(example)
    assert asked.answer is None and asked.messages[0].input == "A fine film."
    assert "bad, good." in asked.messages[0].content
    assert [task.read(text, example) for text in task.candidates(example)] == ["bad", "good"]
    assert task.references(example) == ["good"]
    assert task.references(Labelled("x", "ugly", "f:2")) == []


def test_several_labels_are_written_and_read_back():
    task = TASKS.parse({"name": "classify", "problem": "multi", "labels": ["war", "war story"]})
    example = Labelled("x", (), "f:1")
    for answer in [(), ("war",), ("war story",), ("war", "war story")]:
        assert task.read(task.write(answer), example) == answer
    assert task.read("what?", example) is None


@given(st.lists(st.text("abc d", min_size=1).filter(str.strip), min_size=1, unique=True))
def test_a_label_that_is_written_alone_is_read_as_itself(names):
    labels = list({" ".join(name.split()): None for name in names})
    for label in labels:
        assert first_label(f"  {label.upper()}.\n", labels) == label


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Positive!", "positive"),
        ("It is NEGATIVE, not positive", "negative"),
        ("positively great", None),
        ("very  positive", "very positive"),
        ("这是正面的评价", "正面"),
        ("", None),
    ],
)
def test_the_first_label_that_is_mentioned_is_meant(text, expected):
    labels = ["negative", "positive", "very positive", "正面"]
    assert first_label(text, labels) == expected


def test_numbers_and_lists_are_read():
    assert first_number("about -2.5 stars, or 3") == -2.5
    assert first_number("none") is None
    assert mentioned_labels("B, and a", ["a", "b"]) == ["a", "b"]


def test_in_words_the_label_is_what_is_learnt(tiny, tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *rows(*["good", "bad"] * 4))
    fields = {"name": "classify-in-words", "problem": "single", "labels": ["bad", "good"]}
    recipe = make_recipe(
        {"model": {"path": str(tiny)}, "data": {"path": str(file)}, "task": fields}
    )
    found = prepare(recipe)
    learnt = {TINY.decode(e.input_ids[e.supervised]).strip() for e in found.encoded["train"]}
    assert learnt == {"good", "bad"}
    assert recipe.loss.name == "tokens" and found.task.head() is None
    [row] = [e for e in found.encoded["train"] if e.origin.endswith(":3")]
    asked = found.task.ask(Labelled("Text number 2 of them.", "good", "x"))
    shown = TINY.decode(row.input_ids)
    assert asked.messages[0].content in shown and "Text number 2 of them." in shown


def test_in_words_needs_to_know_what_to_ask(tiny, tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", *rows(*["good", "bad"] * 4))
    fields = {"model": {"path": str(tiny)}, "data": {"path": str(file)}}
    with pytest.raises(RecipeError, match=r"task\.problem: set"):
        prepare(make_recipe({**fields, "task": "classify-in-words"}))
    task = {"name": "classify-in-words", "problem": "single"}
    with pytest.raises(RecipeError, match=r"task\.labels: name"):
        prepare(make_recipe({**fields, "task": task}))
