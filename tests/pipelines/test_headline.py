"""Headline: the verdict of a report does not leave out what would belittle it."""

from __future__ import annotations

from tunesmith.evaluation.measures import measures_of
from tunesmith.pipelines.report import _foretold, _headline, _threshold

PAIR = ("base/generate", "tuned/head")


def headline(base: float, tuned: float, constant: float, *, metric: str = "squad") -> str:
    measures = measures_of([metric])
    rows = zip((*PAIR, "constant"), (base, tuned, constant), strict=True)
    scores = {name: {measures.verdict: value} for name, value in rows}
    return _headline({}, {**scores, "n": 30, "split": "test"}, measures, PAIR)


def test_a_constant_answer_that_beats_the_base_is_told():
    told = "The tuned model scores 0.13 F1 on 30 test rows; its base scores 0.00"
    assert headline(0, 0.13, 0.13) == f"{told}, always the same answer 0.13."
    assert headline(0.1, 0.5, 0.05).endswith("its base scores 0.10.")


def test_of_errors_the_lower_one_is_better():
    assert headline(2.0, 1.0, 1.5, metric="squared-error").endswith("the same answer 1.50.")
    assert headline(1.2, 1.0, 1.5, metric="squared-error").endswith("its base scores 1.20.")


def test_running_text_is_judged_by_its_perplexity():
    rows = {"base": {"perplexity": 218.14}, "tuned": {"perplexity": 21.41}}
    told = "Tuning took the perplexity of the test text from 218.14 to 21.41 per token."
    assert _foretold({"models": rows, "split": "test"}) == told
    assert _foretold({"models": {"tuned": rows["tuned"]}, "split": "test"}) == ""
    assert _foretold(None) == ""


def test_the_best_threshold_is_a_fact_of_the_run():
    scores = {PAIR[1]: {"best_null_threshold": 3.92, "best_f1": 0.15}}
    value = "3.920, which gives F1 0.150"
    assert _threshold(scores, PAIR) == [("best threshold for no answer", value)]
    assert _threshold({}, PAIR) == []
