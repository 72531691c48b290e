"""The page of a comparison in a real browser."""

from __future__ import annotations

import json
import os
from itertools import combinations, count
from pathlib import Path

import pytest
from compared import answer, example, many, preferred_lines, result_of

from tunesmith.evaluation.comparison.page import Compared, render_page
from tunesmith.evaluation.comparison.shown_run import ShownRun
from tunesmith.evaluation.report import Curve

pytestmark = pytest.mark.slow

FOCUS = "document.activeElement"
JUMP = "document.querySelector('.jump')"
PAIR = {"one": "tuned", "other": "base", "wins": 4, "win_rate": 0.75, "low": 0.5, "high": 0.9}
ITEMS = "[...document.querySelectorAll('.item b')].map((b) => b.innerText)"
RUN = ShownRun(
    "tuned",
    "models/tuned",
    Curve("train", [(step, 4 / step) for step in range(1, 60)]),
    Curve("eval", [(20, 0.4), (40, 0.2)]),
    Curve("lr", [(1, 1e-5), (59, 0.0)]),
    ledger={"train": {"read": 9, "kept": 9, "tokens": 90, "supervised_tokens": 30}},
    lock={"data": "ab" * 32, "weights": "cd" * 32},
    versions={"python": "3.11.7"},
    recipe_yaml="model: {path: tiny}\n",
)


@pytest.fixture
def shown(chromium, tmp_path):
    """Opens the page of some examples."""

    def show(rows, *, preferred=(), **further):
        file = tmp_path / "comparison.html"
        compared = Compared(result_of(rows, **further), rows, ["A note."], [RUN], preferred)
        file.write_text(render_page(compared), "utf-8")
        chromium.open(file.as_uri())
        return chromium

    return show


def choose(chromium, name, value):
    chromium.evaluate(
        f"(() => {{ const s = document.getElementById({name!r}); s.value = {value!r}; "
        "s.dispatchEvent(new Event('change')); })()"
    )


def items(chromium):
    return chromium.evaluate(ITEMS)


def marks(chromium, model):
    return chromium.evaluate(
        f"[...document.querySelectorAll('.answer.{model} mark')].map((m) => m.innerText)"
    )


def test_search_filters_and_orders(shown):
    page = shown(many(600))
    assert page.text("#told") == "600 examples"
    assert len(items(page)) < 40  # only what can be seen
    page.evaluate("document.getElementById('query').focus()")
    page.type("valve 4200")
    page.until("document.getElementById('told').innerText === '1 of 600 examples'")
    assert items(page) == ["#600"] and "Example 600" in page.text("#shown")
    page.press("Escape")
    page.until("document.getElementById('told').innerText === '600 examples'")

    choose(page, "show", "worse")
    assert page.text("#told") == "200 of 600 examples" and items(page)[:2] == ["#3", "#6"]
    choose(page, "one", "0")  # against itself: the two change places
    assert page.evaluate("document.getElementById('other').value") == "1"
    assert page.text("#told") == "400 of 600 examples" and items(page)[:2] == ["#1", "#2"]
    choose(page, "one", "1")
    choose(page, "show", "cut")
    assert items(page)[:2] == ["#5", "#10"]
    choose(page, "show", "all")
    choose(page, "sort", "best")
    assert items(page)[:2] == ["#599", "#598"]
    choose(page, "sort", "worst")
    assert items(page)[:2] == ["#3", "#6"]
    assert page.text(".item .gain") == "−0.300"
    choose(page, "score", "0")
    assert page.text(".item .gain") == "−0.150"
    page.evaluate("document.getElementById('query').focus()")
    page.type("nobody says this")
    page.until("document.querySelector('#shown .none')")
    assert "No example fits" in page.text("#shown") and items(page) == []
    assert page.complaints() == []


def test_words_that_differ_are_marked_and_cut_answers_are_told(shown):
    rows = many(6)
    rows[0]["answers"]["base"]["text"] = "The guest comes on Friday, 我们 明天去 Paris."
    rows[0]["answers"]["tuned"]["text"] = "The guest comes on Monday, 我们 今天去 Paris."
    page = shown(rows)
    assert marks(page, "other") == ["Friday", "明"] and marks(page, "one") == ["Monday", "今"]
    choose(page, "mark", "reference")
    assert "Monday" in "".join(marks(page, "one"))
    choose(page, "mark", "none")
    assert marks(page, "one") == []
    page.evaluate("document.querySelectorAll('.item')[4].click()")
    assert "cut at the token limit" in page.text(".answer.other")
    assert "cut at the token limit" not in page.text(".answer.one")


def test_everything_is_reached_by_keyboard_alone(shown):
    page = shown(many(600))
    seen = set()
    for _ in range(60):
        page.press("Tab")
        seen.add(page.evaluate(f"{FOCUS}.id || {FOCUS}.tagName"))
        if page.evaluate(f"{FOCUS} === document.body"):
            break
        outline = page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle")
        assert outline != "none", page.evaluate(f"{FOCUS}.outerHTML.slice(0, 200)")
    assert {"query", "one", "other", "score", "show", "sort", "mark", "list", "next"} <= seen

    page.evaluate("document.getElementById('list').focus()")
    for _ in range(30):
        page.press("ArrowDown")
    assert page.text("#where") == "Example 31"
    current = "$('#' + $('#list').getAttribute('aria-activedescendant'))"
    page.evaluate("window.$ = (selector) => document.querySelector(selector)")
    assert page.evaluate(f"{current}.innerText").startswith("#31")
    box = f"[{current}, $('#list')].map((node) => node.getBoundingClientRect())"
    assert page.evaluate(f"(([a, b]) => a.top >= b.top && a.bottom <= b.bottom)({box})")
    page.press("End")
    assert page.text("#where") == "Example 600"
    page.press("k")
    assert page.text("#where") == "Example 599"
    page.evaluate("document.getElementById('previous').focus()")
    page.press("Enter")
    assert page.text("#where") == "Example 598"
    assert page.evaluate(f"{FOCUS}.id") == "previous"
    page.evaluate("document.querySelector('#shown .text').focus()")
    page.press("j")
    page.press("j")
    assert page.text("#where") == "Example 600"
    page.press("/")
    page.type("j1")
    assert page.evaluate("document.getElementById('query').value") == "j1"


def test_markup_in_answers_stays_text(shown):
    evil = (
        "<script>window.hit = 1</script></script><!-- <img src=x onerror='window.hit = 1'>"
        "\u2028\u202e]]>&lt;\u0000\ud800"
    )
    row = example(1, evil, evil, base=answer(evil, 0.1), tuned=answer(f"{evil} too", 0.2))
    row["origin"] = evil
    page = shown([row, row], failed={evil: evil}, source=evil, notes=[evil])
    assert page.text(".answer.one .text").startswith("<script>window.hit = 1</script></script><!--")
    assert "\u202e" in page.text(".answer.one .text")
    page.evaluate("document.getElementById('query').focus()")
    page.type("<img")
    page.until("document.getElementById('told').innerText === '2 examples'")
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.querySelectorAll('main script, main img').length") == 0
    assert page.complaints() == []


def test_models_that_only_foretell_a_text_have_scores_alone(shown):
    foretold = {"rouge1": 0.1, "rougeL": 0.2, "cut": False}
    page = shown([example(1, "", "A text.", base=foretold, tuned=foretold)])
    assert page.text(".answer.one").split() == [
        "tuned",
        "ROUGE-L",
        "0.200",
        *"ROUGE-1 0.100".split(),
    ]
    assert page.complaints() == []


def test_what_got_worse_is_one_step_away(shown):
    lost = [
        {"example": place, "origin": "x", "before": 0.5, "after": 0.2, "by": 0.3}
        for place in (2, 5, 8)
    ]
    rows = many(9)
    given = result_of(rows)["request"] | {"against": "base"}
    page = shown(rows, worse={"tuned": lost}, request=given)
    page.evaluate("document.querySelector('.jump').click()")
    assert items(page) == ["#3", "#6", "#9"] and page.evaluate(f"{FOCUS}.id") == "list"


def test_showing_what_got_worse_lets_go_of_a_search_and_goes_by_what_was_counted(shown):
    # By ROUGE-1 and not by the score that is judged by; one of them by less than the page shows.
    lost = [{"example": place, "origin": "x", "before": 0.5, "after": 0.2} for place in (2, 4)]
    rows = many(9)
    given = result_of(rows)["request"] | {"against": "base"}
    page = shown(rows, worse={"tuned": lost}, worse_by="rouge1", request=given)
    assert page.text(".jump") and page.evaluate(f"{JUMP}.textContent") == (
        "Show them worse with tuned"
    )
    page.evaluate("document.getElementById('query').focus()")
    page.type("valve 7?")
    page.until("document.getElementById('told').innerText === '1 of 9 examples'")
    page.evaluate(f"{JUMP}.click()")
    assert items(page) == ["#3", "#5"] and page.text("#told") == "2 of 9 examples"
    assert page.evaluate("document.getElementById('query').value") == ""
    assert page.evaluate("document.getElementById('score').value") == "0"
    page.press("ArrowDown")
    assert page.text("#told") == "Example 5, 2 of 2 in this order"
    assert page.complaints() == []


def test_words_in_any_reference_are_not_marked(shown):
    rows = many(3)
    rows[0]["references"] = ["A cat sat.", "A dog lay."]
    rows[0]["answers"]["tuned"]["text"] = "A dog sat there."
    page = shown(rows)
    choose(page, "mark", "reference")
    assert marks(page, "one") == ["there"]


def test_what_was_preferred_is_shown_and_chosen_by(shown):
    rows = many(9)
    told = [
        {"example": 1, **preferred_lines("base", "tuned", "short", "one", "It is short.", "Odd.")},
        {"example": 3, **preferred_lines("base", "tuned", "short", "other", "", "")},
    ]
    told[0]["judged"][0]["said"][1]["preferred"] = "one"
    page = shown(rows, judged=[PAIR], votes={"pairs": [PAIR]}, preferred=told)
    words = page.text("#show").split("\n")
    assert "judge preferred tuned to base" in words and "votes preferred base to tuned" in words
    choose(page, "show", "judge-0-0")
    assert items(page) == ["#2"]
    opinion = page.text(".opinion")
    assert "Judge, short: tuned" in opinion and "Votes: tuned 1, base 0, tied 0" in opinion
    assert "With tuned as answer A: It is short." in opinion
    assert "With base as answer A: Odd." in opinion
    choose(page, "show", "votes-1")
    assert items(page) == ["#4"] and "Judge, short: cannot be read" in page.text(".opinion")
    choose(page, "one", "0")  # the two change places, and what is preferred with them
    assert items(page) == ["#2"] and "Votes: base 0, tuned 1" in page.text(".opinion")
    assert page.complaints() == []


def test_refused_and_withheld_answers_are_told_and_found(shown):
    rows = many(9)
    for place, end in ((1, "content_filter"), (4, "refusal")):
        rows[place]["answers"]["tuned"] |= {"text": "", "finish_reason": end}
    page = shown(rows)
    choose(page, "show", "lost")
    assert items(page) == ["#2", "#5"]
    assert page.text(".answer.one .lost") == "withheld by its service"
    assert page.evaluate("document.querySelectorAll('.answer.other .lost').length") == 0
    assert page.evaluate("document.querySelector('.item .sign').ariaLabel") == (
        "an answer is refused or missing"
    )
    page.press("j")


def everything(shown):
    """A page with all parts that there can be."""
    rows = many(30)
    rows[0]["answers"]["tuned"]["text"] = "x" * 400
    rows[0]["answers"]["base"]["text"] = "مرحبا بكم في المدينة"
    rows[0]["answers"]["base"] |= {"finish_reason": "content_filter"}
    told = [{"example": 0, **preferred_lines("base", "tuned", "short", "one", "y" * 300, "Why.")}]
    given = result_of(rows)["request"] | {"against": "base"}
    lost = [{"example": 2, "origin": "x", "before": 0.5, "after": 0.2}]
    return shown(
        rows,
        judged=[{**PAIR, "verdict": "better"}],
        votes={"pairs": [PAIR], "strengths": [{"model": "tuned", "strength": 1.0}]},
        failed={"a": "b" * 300},
        worse={"tuned": lost},
        request=given,
        preferred=told,
    )


def look_through(page, width):
    """Opens what is folded, and checks that nothing is wider than the page."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_both_widths(chromium, shown, width, dark):
    chromium.look(width, 800, dark=dark)
    page = everything(shown)
    look_through(page, width)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark


@pytest.mark.skipif("TUNESMITH_AXE" not in os.environ, reason="TUNESMITH_AXE names no axe.min.js")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(chromium, shown, width, dark):
    chromium.look(width, 800, dark=dark)
    page = everything(shown)
    look_through(page, width)
    page.evaluate(f"{Path(os.environ['TUNESMITH_AXE']).read_text('utf-8')};0")
    violations = "axe.run().then((r) => r.violations.map((v) => v.id))"
    assert page.evaluate(violations) == []


def four_runs():
    """Runs with curves of 2,000 steps and a recipe, as large as any."""
    steps = range(1, 2001)
    return [
        ShownRun(
            name,
            f"runs/{name}",
            Curve("train", [(step, 4 / step + step % 7 / 10) for step in steps]),
            Curve("eval", [(step, 4 / step) for step in steps if step % 100 == 0]),
            Curve("lr", [(step, 1e-4 * (1 - step / 2000)) for step in steps]),
            "Mean over tokens.",
            ledger={"train": {"read": 9, "kept": 9, "tokens": 90, "supervised_tokens": 30}},
            lock={part: "ab" * 32 for part in ("data", "weights", "tokenizer", "template")},
            versions={package: "1.2.3" for package in ("python", "torch", "transformers")},
            recipe_yaml="train: {steps: 2000}\n" * 100,
        )
        for name in ("base", "tuned", "few", "hosted")
    ]


def judged_and_voted(read):
    """Every pair of four models by four criteria in both orders, each with its reason."""
    names, criteria = ("base", "tuned", "few", "hosted"), ("faithful", "complete", "concise", "all")
    pairs = [{"one": one, "other": other} for other, one in combinations(names, 2)]
    lines = []
    reasons = (f"{n}: {read[n % len(read)]['summary']}" for n in count())  # no two are alike
    for place in range(len(read)):
        lines.append(
            {
                "example": place,
                "judged": [
                    {
                        **pair,
                        "criterion": criterion,
                        "said": [
                            {"first": first, "preferred": "one", "reason": next(reasons)}
                            for first in pair.values()
                        ],
                    }
                    for pair in pairs
                    for criterion in criteria
                ],
                "votes": [
                    {**pair, "voter": "a", "winner": "tie", "both_bad": False} for pair in pairs
                ],
            }
        )
    counts = {"wins": 4, "win_rate": 0.75, "low": 0.5, "high": 0.9}
    rows = [{**pair, "criterion": c, **counts} for pair in pairs for c in criteria]
    return lines, {"judged": rows, "votes": {"pairs": [{**pair, **counts} for pair in pairs]}}


def test_500_real_dialogues_with_four_models_stay_under_2_mb_and_are_there_at_once(
    chromium, shared, tmp_path
):
    lines = (shared / "dialogsum" / "dialogsum.dev.jsonl").read_text("utf-8").splitlines()
    read = [json.loads(line) for line in lines[:500]]
    rows = [
        example(
            number,
            f"Summarize the dialogue.\n\n{one['dialogue']}",
            one["summary"],
            # Two models that end and two that go on to a limit of 128 tokens.
            base=answer(read[number - 7]["dialogue"][:550], 0.1, cut=True),
            tuned=answer(read[number - 9]["summary"], 0.4),
            few=answer(read[number - 8]["dialogue"][:550], 0.2, cut=True),
            hosted=answer(read[number - 11]["summary"], 0.5),
        )
        for number, one in enumerate(read, 1)
    ]
    assert len(rows) == 500
    told, further = judged_and_voted(read)
    page = render_page(Compared(result_of(rows, **further), rows, ["A note."], four_runs(), told))
    assert len(page.encode()) < 2_000_000
    (tmp_path / "comparison.html").write_text(page, "utf-8")
    chromium.open((tmp_path / "comparison.html").as_uri())
    took = "(() => { const at = performance.now(); %s; return performance.now() - at; })()"
    search = (
        "const query = document.getElementById('query'); query.value = 'doctor'; "
        "query.dispatchEvent(new Event('input'))"
    )
    assert chromium.evaluate(took % search) < 1000
    assert 0 < int(chromium.text("#told").split()[0]) < 500
