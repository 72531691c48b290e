"""A metric in one file of the user's: what it gives, and what is said where it is wrong."""

from __future__ import annotations

import hashlib

import pytest

from tunesmith.core.errors import DataError, RecipeError
from tunesmith.core.examples import Conversation, Message
from tunesmith.evaluation.measures import measures_of
from tunesmith.evaluation.metrics.chosen import own_hashes
from tunesmith.evaluation.roads import Answered
from tunesmith.evaluation.score import score, score_answers
from tunesmith.recipe import load_recipe
from tunesmith.tasks.sft import SupervisedFineTuning

FULL_STOP = '''
"""Whether answers end like sentences."""
from dataclasses import dataclass

NAME = "Full stop"
SCALE = (0, 1)

@dataclass
class Ends:
    text: str

def score(answer: str, references: tuple[str, ...]) -> float:
    """The share of answers that end with a full stop."""
    return float(Ends(answer).text.endswith("."))

def length(answer, references):
    return abs(len(answer) - len(references[0]))
'''


@pytest.fixture
def own(tmp_path):
    def write(text=FULL_STOP, name="ends.py"):
        file = tmp_path / name
        file.write_text(text, "utf-8")
        return file

    return write


def test_an_own_metric_has_rows_samples_and_a_column_like_any_other(own):
    file = own()
    found = score_answers([str(file), "rouge"], ["Yes.", "no", None], [["Yes."], ["no"], ["a"]])
    assert found.values["Full stop"] == pytest.approx(1 / 3)
    assert [row["Full stop"] for row in found.rows] == [1.0, 0.0, 0.0]
    assert found.samples()["Full stop"].value == pytest.approx(1 / 3)
    measures = measures_of([str(file)])
    assert measures.verdict == "Full stop" and "Full stop" in measures.headings
    assert not measures.scales and "full stop" in measures.about
    assert own_hashes([str(file), "rouge"]) == {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
    }


def test_another_function_of_the_file_is_named_behind_a_colon(own):
    file = own("HIGHER_IS_BETTER = False\ndef far(a, r):\n    return abs(len(a) - len(r[0]))\n")
    found = score_answers([f"{file}:far"], ["abc"], [["a"]])
    assert found.values == {"far": 2.0}
    measures = measures_of([f"{file}:far"])
    assert measures.lower_is_better == {"far"} and measures.scales == {"far": ""}


def test_nothing_beside_the_file_is_imported_or_written(own, tmp_path):
    own("raise RuntimeError('imported')\n", "neighbour.py")
    file = own("import neighbour\ndef score(a, r): return 1.0\n")
    with pytest.raises(RecipeError, match=r"ends\.py:1: ModuleNotFoundError"):
        score_answers([str(file)], ["a"], [["a"]])
    own()
    score_answers([str(file)], ["a"], [["a"]])
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def score(a, r):\n    return 1 +\n", r"ends\.py:2: invalid syntax"),
        ("def scores(a, r): return 1\n", r"no function 'score'. Did you mean 'scores'"),
        ("1 / 0\n", r"ends\.py:1: ZeroDivisionError"),
        ("SCALE = 3\ndef score(a, r): return 1\n", r"SCALE=3. Write two numbers"),
    ],
)
def test_a_broken_file_is_named_with_the_place(own, text, told):
    with pytest.raises(RecipeError, match=told):
        measures_of([str(own(text))])


@pytest.mark.parametrize("name", ["text", "cut", "cost", "cut_fraction", "my_fraction", " "])
def test_a_score_is_not_called_as_something_else_that_is_told(own, name):
    file = own(f"NAME = {name!r}\ndef score(a, r): return 1.0\n")
    with pytest.raises(RecipeError, match=r"ends\.py: the score is called .*Set NAME = "):
        measures_of([str(file)])
    plain = own("def cost(a, r): return 1.0\n")
    with pytest.raises(RecipeError, match="the score is called 'cost'"):
        measures_of([f"{plain}:cost"])


def test_a_file_that_is_not_there_is_answered_with_the_nearest_one(own):
    file = own()
    with pytest.raises(RecipeError, match=r"no such file, .*end\.py\. Did you mean 'ends\.py'"):
        measures_of([str(file.with_name("end.py"))])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("None", "returned None, which is no number"),
        ("float('nan')", "returned nan, which is no number"),
        ("'high'", "returned 'high', which is no number"),
        ("1 / len(a)", r"ends\.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_an_answer_that_cannot_be_scored_is_named_by_its_example(own, body, told):
    file = own(f"def score(a, r):\n    return {body} if not a else 1.0\n")
    examples = [
        Conversation((Message("user", "Q"), Message("assistant", "A")), f"chat.jsonl:{n}")
        for n in (1, 2)
    ]
    answered = [Answered("yes", "yes"), Answered("", "")]
    with pytest.raises(DataError, match=rf"chat\.jsonl:2: .*{told}"):
        score(SupervisedFineTuning(), examples, answered, "generate", [str(file)])


@pytest.mark.parametrize(
    "mark", ["lock.json", "tunesmith.json", "model.safetensors", "dataset_info.json"]
)
def test_code_that_came_with_a_run_a_model_or_data_is_not_run(tmp_path, mark):
    (tmp_path / mark).write_text("{}")
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "ends.py"
    file.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef score(a, r): return 1\n")
    with pytest.raises(RecipeError, match="Code from there is not run"):
        measures_of([str(file)])
    assert not (tmp_path / "ran").exists()


def test_a_recipe_names_it_by_a_path_from_its_own_folder(own, tmp_path, monkeypatch):
    file = own()
    recipe = tmp_path / "r.yaml"
    recipe.write_text("data: {path: x.jsonl}\nevaluate: {metrics: [./ends.py, rouge]}\n")
    monkeypatch.chdir("/")
    loaded = load_recipe(recipe)
    assert loaded.evaluate.metrics == [str(file), "rouge"]
    monkeypatch.chdir(tmp_path)
    given = load_recipe(recipe, ["evaluate.metrics=[ends.py:length]"]).with_absolute_paths()
    assert given.evaluate.metrics == [f"{file}:length"]


def test_two_metrics_of_one_name_are_told_apart_or_refused(own):
    scores = ["rouge", "rouge:units=characters"]
    measures = measures_of(scores)
    assert measures.headings["rougeL/characters"] == "ROUGE-L (characters)"
    found = score_answers(scores, ["你好"], [["你好"]])
    assert found.values["rougeL/characters"] == 1.0
    assert set(found.samples()) >= {"rougeL", "rougeL/characters"}
    file = str(own())
    with pytest.raises(RecipeError, match="another NAME"):
        measures_of([file, file])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rougee", "Did you mean 'rouge'"),
        ("rouge:units", "NAME:KEY=VALUE"),
        ("rouge:units=letters", "units"),
        ("rouge:unit=words", "no such key. Did you mean 'units'"),
    ],
)
def test_a_wrong_name_or_setting_is_answered_with_the_right_one(name, told):
    with pytest.raises(RecipeError, match=told):
        measures_of([name])


def test_a_setting_is_read_as_its_field_needs_it():
    found = score_answers(["squad:version=1.1"], ["The"], [["the"]])
    assert found.values["f1"] == 0.0  # in 2.0 it is 1
    assert "rougeS" in score_answers(["rouge-skip:gap=null"], ["a b"], [["a b"]]).values
