"""Which metrics suit which answers, and what is said of pairs that are none."""

from __future__ import annotations

import pytest

from tunesmith.core.errors import DataError, RecipeError
from tunesmith.evaluation.fits import fitting, require_fit
from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.score import score_answers
from tunesmith.tasks import TASKS
from tunesmith.tasks.classify import Classify

QA = TASKS.parse("extractive-qa")


def test_short_answers_in_chinese_are_compared_by_characters_and_it_is_told():
    names, notes = fitting(QA, [["北京"], ["一九四九年"]])
    assert names == ["cmrc"] and "--metric squad" in notes[0]
    assert fitting(QA, [["Beijing"], ["1949"]]) == (["squad"], [])
    assert fitting(TASKS.parse("causal-lm"), [[]])[0][0] == "bits-per-byte"


@pytest.mark.parametrize(
    ("task", "references", "fit"),
    [
        (TASKS.parse("sft"), [["text"]], {"rouge", "bleu", "squad", "accuracy", "perplexity"}),
        (Classify(problem="single", labels=["a", "b"]), [["a"]], {"label-f1", "mcc", "rouge"}),
        (Classify(problem="regression"), [[1.5]], {"squared-error", "accuracy"}),
        (Classify(problem="multi", labels=["a", "b"]), [[("a",)]], {"label-f1", "accuracy"}),
        (TASKS.parse("causal-lm"), [[]], {"perplexity", "bits-per-byte"}),
        (TASKS.parse("preference"), [[]], {"preference"}),
    ],
    ids=["text", "class", "number", "classes", "running text", "preferences"],
)
def test_metrics_fit_answers_of_their_kind_and_others_are_refused(task, references, fit):
    for name in METRICS.names():
        picked = chosen([name])
        if name == "bertscore":  # needs an encoder besides
            continue
        try:
            require_fit(picked, task, references)
            refused = False
        except RecipeError as error:
            refused = True
            assert "does not fit" in str(error) and "Take: " in str(error)
        assert not (refused and name in fit)
        if name in ("preference", "squared-error", "perplexity") and name not in fit:
            assert refused


@pytest.mark.parametrize(
    ("answers", "references", "told"),
    [
        (["a"], [["a"], ["b"]], "1 answers, and reference answers for 2 examples"),
        ([], [], "no answers to score"),
        (["a", "b"], [["a"], []], "answer 2: no reference answer"),
    ],
)
def test_answers_without_a_partner_are_named(answers, references, told):
    with pytest.raises(DataError, match=told):
        score_answers(["rouge"], answers, references)


@pytest.mark.parametrize("name", ["rouge", "rouge-skip", "bleu", "chrf", "squad", "cmrc"])
def test_empty_answers_score_nothing_and_break_nothing(name):
    found = score_answers([name], ["", None], [["a b"], ["c"]])
    assert all(value == 0 for value in found.values.values())
    assert all(sample.value == 0 for sample in found.samples().values())


def test_one_example_has_a_value_and_no_interval():
    from tunesmith.evaluation.statistics.bootstrap import bootstrap

    [one] = [
        s for n, s in score_answers(["rouge"], ["a"], [["a"]]).samples().items() if n[-1] == "L"
    ]
    assert not bootstrap(one).is_known


@pytest.mark.parametrize("settings", ["layer=[", "layer={", "idf=*a"])
def test_settings_that_are_no_yaml_are_told_by_name(settings):
    with pytest.raises(RecipeError, match="is no YAML value. Write a number"):
        chosen([f"bertscore:{settings}"])
