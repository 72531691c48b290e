"""What the page of a comparison is made of, without a browser."""

from __future__ import annotations

import json
import math
import re
import shlex

import pytest
from compared import answer, example, many, preferred_lines, result_of
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.comparison.again import again
from tunesmith.evaluation.comparison.embed import embedded, script_policy
from tunesmith.evaluation.comparison.examples import browsed
from tunesmith.evaluation.comparison.headline import headline, most_telling
from tunesmith.evaluation.comparison.opinions import preferred
from tunesmith.evaluation.comparison.page import Compared, render_page
from tunesmith.evaluation.comparison.scale import scale_of
from tunesmith.evaluation.comparison.tables import beside, columns, differences, score_rows
from tunesmith.evaluation.figures import signed_text
from tunesmith.pipelines.comparison_page import model_table


def verdicts(result, **words):
    """Sets the verdicts of pairs, named as ``one_other``."""
    for pair in result["pairs"]:
        pair["verdict"] = words.get(f"{pair['one']}_{pair['other']}", pair["verdict"])
    return result


def three(**words):
    rows = [
        example(1, "a", "b", base=answer("x", 0.2), few=answer("y", 0.5), tuned=answer("z", 0.6))
    ] * 4
    return verdicts(result_of(rows), **words)


def test_the_headline_names_the_best_and_what_it_beats():
    two = result_of(many(30))
    assert headline(two) == (
        f"tuned is better than base by ROUGE-L: {signed_text(two['pairs'][1]['difference'])} on "
        "30 examples."
    )
    assert headline(three()) == "tuned is better than base and few by ROUGE-L on 4 examples."
    assert headline(three(tuned_few="not told apart")) == (
        "tuned is better than base by ROUGE-L; from few it cannot be told apart with 4 examples."
    )
    level = dict.fromkeys(["tuned_few", "tuned_base", "few_base"], "not told apart")
    assert headline(three(**level)) == (
        "tuned, base and few cannot be told apart by ROUGE-L with 4 examples."
    )
    assert headline(three(**dict.fromkeys(level, "too few"))) == (
        "4 examples cannot tell the models apart by ROUGE-L."
    )


def test_the_headline_turns_a_pair_round_and_knows_errors():
    found = result_of(many(30), "worse", lower_is_better=["rougeL"])
    assert headline(found).startswith("base is better than tuned by ROUGE-L: −")
    alone = result_of([example(1, "a", "b", base=answer("x", 0.25))])
    assert headline(alone) == "base scores 0.250 ROUGE-L on 1 example."


def test_the_pair_to_look_at_first_is_the_best_against_the_one_to_keep_up_with():
    assert most_telling(three()) == ("tuned", "base")
    found = three()
    found["request"]["against"] = "few"
    assert most_telling(found) == ("tuned", "few")
    assert most_telling(result_of([example(1, "a", "b", base=answer("x", 0.25))])) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_scale_holds_its_values(values):
    scale = scale_of(values)
    assert scale is not None and scale.low < scale.high
    for value in values:
        mark = scale.mark(value, min(values), max(values))
        assert mark is not None and 0 <= mark.at <= 100
        assert mark.start is not None and mark.length is not None
        assert mark.start - 0.02 <= mark.at <= mark.start + mark.length + 0.02


def test_what_has_no_interval_has_a_point_alone():
    assert scale_of([None, math.nan]) is None
    scale = scale_of([0.0, 1.0])
    assert scale is not None and scale.mark(None) is None
    assert scale.mark(0.5) is not None and scale.mark(0.5).length is None  # type: ignore[union-attr]


def test_tables_begin_with_the_score_that_is_judged_by():
    found = result_of(many(30))
    shown = columns(found)
    assert [column.words for column in shown] == ["ROUGE-L", "ROUGE-1"]
    rows = dict(score_rows(found, shown))
    assert [cell.is_best for cell in rows["tuned"] if cell] == [True, True]
    by_score = differences(found)
    assert [group.words for group in by_score] == ["ROUGE-L", "ROUGE-1"]
    assert by_score[0].rows[0].p == "< 0.001" and by_score[0].rows[0].tone == "up"
    told = beside(found)
    assert told.headings[:2] == ["Cut", "Length against the reference"]
    assert told.rows["base"][0] == ("20%", 20.0)


@given(st.text(), st.text(st.sampled_from("<>/!-scriptSCRIPT&\u2028\u202e\ud800")))
def test_embedded_data_are_read_back_and_hold_no_markup(one, other):
    text = embedded([one, {other: other}])
    assert json.loads(text) == [one, {other: other}]
    assert not re.search("[<>&\u2028\u202e\ud800-\udfff]", text)
    assert embedded([math.nan, math.inf, 1.5]) == "[null,null,1.5]"


def test_every_text_is_held_once_and_what_all_prompts_share_apart():
    rows = many(40)
    held = browsed(rows, {"rougeL": "ROUGE-L"}, judged_by="rougeL")
    assert held["head"] == "Sum up.\n\nWho comes on day " and held["tail"] == "?"
    assert len(held["texts"]) == len(set(held["texts"]))
    text = held["texts"]
    for row, given_row in zip(held["rows"], rows, strict=True):
        assert held["head"] + text[row["p"]] + held["tail"] == given_row["prompt"]
        # The tuned answer is the reference word for word, so it is one text.
        assert row["r"] == [row["a"][1]["t"]]
    assert held["rows"][4]["a"][0]["c"] == 1 and "c" not in held["rows"][0]["a"][0]


def test_answers_that_were_read_and_weighed_say_so():
    read = answer("Yes!", 1.0, answer="yes", weighed={"yes": 0.9, "no": 0.1})
    row = example(1, "a", "yes", base=read, tuned=answer("?", math.nan, answer=None))
    held = browsed([row], {"rougeL": "ROUGE-L", "mcc": "MCC"}, judged_by="mcc")
    one, other = held["rows"][0]["a"]
    assert held["texts"][one["said"]] == "yes" and other["said"] is None
    assert other["s"] == [None] and [s["name"] for s in held["scores"]] == ["rougeL"]
    assert [(held["texts"][place], p) for place, p in one["w"]] == [("yes", 0.9), ("no", 0.1)]


def test_answers_that_are_none_say_why():
    ends = ["stop", "content_filter", "refusal", "unanswered"]
    rows = [
        example(n, "a", "b", base=answer("", 0.0, finish_reason=end, why="too long" * (n == 3)))
        for n, end in enumerate(ends)
    ]
    held = browsed(rows, {"rougeL": "ROUGE-L"}, judged_by="rougeL")
    found = [row["a"][0].get("f") for row in held["rows"]]
    assert found[0] is None
    assert [held["texts"][place] for place in found[1:]] == [
        *["withheld by its service", "refused by the model", "not answered: too long"]
    ]


def test_what_was_preferred_stands_with_its_example():
    rows = many(4)
    told = [
        {"example": 1, **preferred_lines("base", "tuned", "two", "one", "Short.", "Long.")},
        {"example": 9, **preferred_lines("base", "tuned", "two", "one", "", "")},
    ]
    held = browsed(rows, {"rougeL": "ROUGE-L"}, judged_by="rougeL", preferred=told)
    (row,) = (row for row in held["rows"] if "j" in row)
    assert held["criteria"] == ["two"] and held["voted"] and not held["shortened"]
    one, other, criterion, forward, backward, *why = row["j"][0]
    assert (one, other, criterion, forward, backward) == (1, 0, 0, 0, None)
    assert [held["texts"][place] for place in why] == ["Short.", "Long."]
    assert row["v"] == [[1, 0, 1, 0, 0, 1]]  # one for the first, and one that both are bad


def test_reasons_are_shortened_to_what_a_page_can_hold_or_are_those_of_the_first_pair(monkeypatch):
    rows = [{**row, "answers": {**row["answers"], "few": answer("x", 0.1)}} for row in many(4)]
    pairs = [("base", "tuned"), ("base", "few")]

    def reasons(budget):
        monkeypatch.setattr("tunesmith.evaluation.comparison.preferred.REASONS", budget)
        told = [
            {
                "example": 0,
                "votes": [],
                "judged": [
                    preferred_lines(*pair, "two", "one", "\u4e2d" * 150, "")["judged"][0]
                    for pair in pairs
                ],
            }
        ]
        given = {"judged_by": "rougeL", "preferred": told, "compared": ("tuned", "base")}
        held = browsed(rows, {"rougeL": "ROUGE-L"}, **given)
        found = [[held["texts"][place] for place in each[5:]] for each in held["rows"][0]["j"]]
        return held["shortened"], found

    assert reasons(1000) == (False, [["\u4e2d" * 150, ""]] * 2)
    assert reasons(900) == (False, [["\u4e2d" * 150, ""]] * 2)
    assert reasons(899) == (True, [["\u4e2d" * 139 + "\u2026", ""]] * 2)
    assert reasons(400) == (True, [["\u4e2d" * 99 + "\u2026", ""], []])
    assert reasons(10) == (True, [[], []])


def test_a_judge_that_the_figures_do_not_know_is_not_shown():
    rows = many(3)
    told = [{"example": 1, **preferred_lines("base", "tuned", "two", "one", "Unheard.", "")}]
    pages = [
        render_page(Compared(result_of(rows, **known), rows, preferred=told))
        for known in ({}, {"judged": [{"one": "tuned", "other": "base"}]})
    ]
    assert ["Unheard." in page for page in pages] == [False, True]


def test_more_text_than_a_page_can_hold_is_left_out_and_told(monkeypatch):
    monkeypatch.setattr("tunesmith.evaluation.comparison.examples.BUDGET", 2000)
    rows = many(60)
    page = render_page(Compared(result_of(rows), rows))
    n_held = int(re.findall(r"holds the first (\d+) of 60 examples", page)[0])
    assert 10 < n_held < 60


def test_the_command_is_quoted_for_a_shell():
    request = {
        "models": ("base=a model", "tuned=runs/b"),
        "data": "it's.jsonl",
        "metrics": ["rouge", "bleu"],
        "templates": {"base": "alpaca"},
        "max_rows": 5,
        "seed": 0,
        "judge": {"model": "openai:gpt-4o", "rubric": None, "criteria": ["faithful: true"]},
    }
    command = again(request)
    assert "'base=a model'" in command
    assert shlex.split(command) == [
        *["tunesmith", "compare", "base=a model", "tuned=runs/b", "--data", "it's.jsonl"],
        *["--metric", "rouge", "--metric", "bleu", "--template", "base=alpaca"],
        *["--max-rows", "5", "--judge", "openai:gpt-4o", "--criterion", "faithful: true"],
    ]


def test_the_page_is_the_same_again_and_allows_its_own_script_alone():
    rows = many(3)
    evil = "</script><script>alert(1)</script><!--"
    rows[0]["answers"]["tuned"]["text"] = evil
    found = result_of(rows, failed={"gone": f"{evil} is down"}, source=evil)
    page = render_page(Compared(found, rows))
    assert page == render_page(Compared(found, rows))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1 and page.count("<script") == 2
    assert script_policy(scripts[0]) in page
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0]
    assert "default-src 'none'" in policy and "'unsafe-inline'" not in policy.split("script-src")[1]
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_opinions_of_judges_and_people_are_shown():
    rows = many(6)
    pair = {"one": "tuned", "other": "base", "wins": 4, "ties": 1, "losses": 1, "win_rate": 0.75}
    judged = {**pair, "criterion": "faithful", "broken": 2, "low": 0.5, "high": 0.9, "p": 0.03}
    strengths = [{"model": "tuned", "strength": 0.4, "low": 0.1, "high": 0.7}]
    votes = {"pairs": [{**pair, "low": None, "high": None, "p": None}], "strengths": strengths}
    page = render_page(Compared(result_of(rows, judged=[judged], votes=votes), rows))
    for words in ("Judged by a model", "broken 2", "by faithful", "Blind votes", "Strength by"):
        assert words in page


def test_zeros_that_say_a_lot_are_told_and_counts_of_none_are_not():
    pair = {"one": "tuned", "other": "base", "inconsistent": 0, "both_bad": 0}
    found = preferred([{**pair, "kappa": 0.0, "position_bias": 0.0, "longer": 0.0}])
    assert found[0].further == [
        *["first place won 0%", "longer answer won 0%", "kappa with votes 0.00"]
    ]
    assert preferred([{**pair, "both_bad": 2}])[0].further == ["2 both bad"]


def test_shares_are_the_same_in_every_table():
    rows = many(5)
    found = result_of(rows)
    found["models"]["base"] |= {"cut_fraction": 2 / 500, "empty_fraction": 0.25}
    found["models"]["tuned"] |= {"unread_fraction": 0.5, "unanswered_fraction": 0.125}
    assert beside(found).headings[:4] == ["Cut", "Empty", "Unreadable", "Unanswered"]
    assert [text for text, _ in beside(found).rows["base"][:4]] == ["0.4%", "25%", "–", "0%"]
    header, lines = model_table(found)
    assert header[3:7] == ["cut", "empty", "unreadable", "unanswered"]
    assert lines[0][3:7] == ["0.4%", "25%", "-", "0%"]
    assert lines[1][3:7] == ["0%", "0%", "50%", "12%"]


def test_what_got_worse_is_told_in_words_that_fit_their_number():
    rows = many(9)
    given = result_of(rows)["request"] | {"against": "base"}
    for n, words in ((1, "1 of 9 examples is worse"), (2, "2 of 9 examples are worse")):
        lost = [
            {"example": place, "origin": "x", "before": 0.5, "after": 0.2} for place in range(n)
        ]
        found = result_of(rows, worse={"tuned": lost}, worse_by="rouge1", request=given)
        page = render_page(Compared(found, rows))
        assert words in page and "by ROUGE-1. <button" in page
        assert 'Show them<span class="unseen"> worse with tuned</span>' in page or n == 1
    assert "<p>1 example of" in render_page(Compared(result_of(many(1)), many(1)))


def test_the_least_that_would_show_is_told():
    rows = many(9)
    found = result_of(rows)
    page = render_page(Compared(found, rows))
    assert "taken alone" in page and page.count("The least that would show: 0.020") == 2
    for pair in found["pairs"]:
        pair["least"] = None
    assert "The least that would show: 0" not in render_page(Compared(found, rows))


def test_classes_are_shown_with_their_intervals_and_with_or_without_what_was_answered():
    rows = many(6)
    found = result_of(rows)
    one = {"name": "spam", "n": 4, "precision": 0.5, "recall": None, "f1": 0.61}
    counted = {"labels": ["spam"], "counts": [[3]], "unread": [1]}
    found["models"]["base"]["tables"] = {"classes": [{**one, "low": 0.41, "high": 0.77}]}
    found["models"]["tuned"]["tables"] = {"classes": [one], "confusion": counted}
    page = render_page(Compared(found, rows))
    assert "0.410 to 0.770" in page and page.count("Classes, ") == 2
    assert page.count("What was answered to the rows") == 1 and "Unreadable" in page


@pytest.mark.parametrize("n_models", [1, 4])
def test_any_number_of_models_makes_a_page(n_models):
    rows = [
        example(n, "a", "b", **{f"m{k}": answer("x", 0.1 * k) for k in range(n_models)})
        for n in range(3)
    ]
    assert "m0" in render_page(Compared(result_of(rows), rows))
