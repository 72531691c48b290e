import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tunesmith.evaluation.confusion import confusion
from tunesmith.evaluation.figures import date_text, percent_text, signed_text
from tunesmith.evaluation.measures import measures_of
from tunesmith.evaluation.report import (
    Curve,
    Example,
    ModelScores,
    Report,
    metric_columns,
    render_report,
    score_rows,
)

HEADLINE = "The tuned model scores 0.71 ROUGE-L on 100 unseen dialogues; the base scores 0.12."
VOID = {"meta", "br", "input", "link", "img", "hr"}


def model(name: str, score: float | None, cut: float | None = 0.0) -> ModelScores:
    return ModelScores(name, f"note on {name}", {"rougeL": score}, cut, 24.0, 100)


def example(base: str = "Hello.", tuned: str = "A kettle leaks.") -> Example:
    return Example(
        "test.jsonl:17",
        "user: My kettle leaks.\nagent: Sorry.",
        "The kettle leaks.",
        {"base": base, "tuned": tuned},
        {"base": True, "tuned": False},
        {"base": 0.1, "tuned": 0.8},
    )


FULL = Report(
    title="demo",
    headline=HEADLINE,
    created="2025-03-04T14:03:22+00:00",
    models=[model("constant answer", 0.268), model("base", 0.121, 0.93), model("tuned", 0.712)],
    train_loss=Curve("train", [(step, 4 / step) for step in range(1, 121)]),
    eval_loss=Curve("eval", [(40, 0.4), (80, 0.2), (120, 0.1)]),
    learning_rate=Curve("lr", [(1, 1e-5), (120, 0.0)]),
    examples=[example()],
    ledger={
        "train": {
            "read": 1000,
            "kept": 941,
            "cut": 41,
            "dropped": 12,
            "rejected": 6,
            "tokens": 251340,
            "supervised_tokens": 38211,
            "cut_tokens": 3120,
            "reasons": [
                {"fate": "cut", "reason": "too long", "rows": 41, "places": ["train.jsonl:17"]}
            ],
        }
    },
    facts=[("peak memory", "612 MB")],
    recipe_yaml="method:\n  name: lora\n",
    versions={"torch": "2.6.0"},
    lock={"weights": "sha256:abc"},
)
EMPTY = Report("empty", "Nothing yet.", "", [], None, None, None, [], {}, [], "", {}, {})


class Reader(HTMLParser):
    """Collects every tag's attributes and the page's visible words; checks that tags nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def test_the_page_says_the_verdict_and_shows_every_part():
    page = render_report(FULL)

    assert HEADLINE in page
    text = Reader(page).text
    for words in (
        HEADLINE, "4 March 2025, 14:03 UTC", "note on tuned", "0.712", "+0.591", "93%",
        "train 0.033", "eval 0.100", "test.jsonl:17", "The kettle leaks.", "A kettle leaks.",
        "cut at the token limit", "peak memory", "612 MB", "name: lora", "2.6.0", "sha256:abc",
    ):  # fmt: skip
        assert words in text, words


def test_markup_in_an_answer_stays_text():
    evil = '</div><script>alert(1)</script><img src="https://example.com/x" onerror="alert(2)">'

    page = render_report(
        replace(
            FULL, headline=evil, title=evil, examples=[example(tuned=evil)], facts=[(evil, evil)]
        )
    )

    assert page.count("<script") == 1
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    Reader(page)


@pytest.mark.parametrize("report", [FULL, EMPTY])
def test_the_page_loads_nothing(report):
    page = render_report(report)

    links = [value for key, value in Reader(page).attributes if key in ("src", "href", "action")]
    assert links and all(link.startswith("#") for link in links)
    assert "url(" not in page and "@import" not in page
    assert "https://" not in page
    assert set(re.findall(r"http://[^\"']*", page)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_an_empty_report_says_what_is_missing():
    text = Reader(render_report(EMPTY)).text

    for words in ("Nothing yet.", "No model was scored", "no curves", "without examples"):
        assert words in text


def test_every_id_is_used_once_and_every_reference_has_its_target():
    attributes = Reader(render_report(replace(FULL, examples=[example()] * 3))).attributes
    ids = [value for key, value in attributes if key == "id"]

    assert len(ids) == len(set(ids))
    assert {value for key, value in attributes if key == "aria-labelledby"} <= set(ids)
    assert {value[1:] for key, value in attributes if key == "href"} <= set(ids)


def test_the_ledger_is_shown_as_a_sum_with_reasons_and_places():
    text = Reader(render_report(FULL)).text

    assert re.search(r"1,000 ?= ?941 ?\+ ?41 ?\+ ?12 ?\+ ?6 ?adds up", text)
    assert "too long" in text and "train.jsonl:17 and 40 more" in text


def test_a_ledger_that_loses_rows_says_so():
    broken = {"train": {"read": 10, "kept": 7}}

    assert "+3 unaccounted for" in Reader(render_report(replace(FULL, ledger=broken))).text


def test_line_breaks_of_a_prompt_are_kept():
    assert "user: My kettle leaks.\nagent: Sorry.</div>" in render_report(FULL)


def test_a_tuned_model_that_got_worse_is_shown_as_worse():
    worse = replace(FULL, models=[model("base", 0.5), model("tuned", 0.4)])

    page = render_report(worse)

    assert '<small class="down">−0.100' in page
    assert "<b>0.500</b>" in page and "<b>0.400</b>" not in page


def test_all_models_with_the_best_score_are_marked_and_missing_ones_never():
    models = [model("base", 0.7), model("tuned", 0.7), model("lost", None), model("nan", math.nan)]

    rows = score_rows(models, ["rougeL"])

    assert [cells[0].is_best for _, cells in rows] == [True, True, False, False]
    assert rows[1][1][0].gain == 0
    assert "not measured" in render_report(replace(FULL, models=models))


def test_models_without_base_and_tuned_are_listed_without_a_comparison():
    page = render_report(replace(FULL, models=[model("llama", 0.3)]))

    assert "llama" in page and '<dl class="changes"' not in page


def test_a_run_that_diverged_at_once_says_so_instead_of_showing_no_curve():
    broken = replace(EMPTY, train_loss=Curve("train", [(1, math.nan), (2, math.nan)]))

    assert "train: 2 of its 2 values are not finite." in Reader(render_report(broken)).text


def test_odd_text_is_rendered():
    odd = "\ud800 \x00 مرحبا 你好"

    page = render_report(replace(FULL, examples=[example(base="", tuned=odd)]))

    assert "مرحبا 你好" in page.encode("utf-8").decode("utf-8")


def test_figures_as_they_are_read():
    assert [signed_text(v) for v in (0.59, -0.012, 0.0, -0.0001)] == [
        "+0.590", "−0.012", "±0.000", "±0.000",
    ]  # fmt: skip
    assert [percent_text(v) for v in (0, 0.004, 0.63, 1, None)] == [
        "0%",
        "0.4%",
        "63%",
        "100%",
        "–",
    ]
    assert date_text("yesterday") == "yesterday"
    assert date_text("2025-03-04T14:03:22") == "4 March 2025, 14:03"


def test_answers_by_class_are_shown_with_what_was_not_read():
    found = confusion(
        "tuned/head", ["bad", "good"], [("bad", "bad"), ("bad", "good"), ("bad", None)]
    )

    text = Reader(render_report(replace(FULL, confusion=found))).text

    assert re.search(r"Classes, tuned/head .* bad ?3 ?1.000 ?0.333 ?0.500", text)
    assert re.search(r"Right class ?answered bad ?answered good ?Unreadable ?bad ?1 ?1 ?1", text)


def test_of_many_classes_the_commonest_mistakes_are_shown():
    labels = [f"class {n}" for n in range(20)]
    found = confusion("tuned", labels, [(labels[0], labels[7])] * 5)

    text = Reader(render_report(replace(FULL, confusion=found))).text

    assert re.search(r"Commonest mistakes ?Right class ?Answered ?Rows ?class 0 ?class 7 ?5", text)
    assert "Right answers lie on the diagonal" not in text


def test_the_right_stretch_of_a_prompt_is_marked_and_markup_in_it_stays_text():
    shown = replace(example(), prompt="Q\n\n<b>Rome</b> lies here.", marked=[(6, 10)])

    page = render_report(replace(FULL, examples=[shown]))

    assert "&lt;b&gt;<mark>Rome</mark>&lt;/b&gt; lies here." in page
    assert "What is right is marked" in page
    assert "What is right is marked" not in render_report(FULL)


def test_an_empty_answer_to_a_question_says_there_is_none():
    shown = replace(example(tuned=""), reference="")
    measures = measures_of(["squad"])

    page = render_report(replace(FULL, examples=[shown], measures=measures))

    assert page.count('<em class="muted">no answer</em>') == 2
    assert page.count("an empty answer") == 0


def test_scores_without_bounds_name_no_scale():
    models = [
        replace(model(name, 0.0), scores={"reward_accuracy": score, "reward_margin": score})
        for name, score in (("base", 0.5), ("tuned", 0.9))
    ]
    measures = measures_of(["preference"])

    text = Reader(render_report(replace(FULL, models=models, measures=measures))).text

    assert text.count("on a scale from 0 to 1") == 1
    assert "are its reward accuracy against" in text


def test_both_answers_of_a_pair_are_shown():
    shown = replace(example(), rejected="The worse one.")

    text = Reader(render_report(replace(FULL, examples=[shown]))).text

    assert "Chosen answer" in text and "Rejected answer" in text and "The worse one." in text
    assert "Reference answer" not in text


def test_running_text_is_shown_by_its_perplexity_alone():
    row = {"perplexity": 21.4, "word_perplexity": 18259.8, "bits_per_byte": 2.793}
    found = {
        "models": {"base": row, "tuned": row}, "split": "validation", "n_tokens": 7481,
        "n_words": 2336, "context_tokens": 256, "stride_tokens": 128,
    }  # fmt: skip

    text = Reader(render_report(replace(EMPTY, perplexity=found))).text

    assert "21.40" in text and "18,259.8" in text and "7,481 tokens" in text
    assert "ROUGE" not in text and "No model was scored" not in text


def test_many_scores_carry_their_headings_with_them():
    scores = {name: 0.5 for name in ("f1", "exact_match", "has_answer_f1", "character_f1", "x")}
    measures = measures_of(["squad", "cmrc"])

    page = render_report(
        replace(FULL, models=[replace(model("tuned", 0.5), scores=scores)], measures=measures)
    )

    assert '<div class="split many">' in page and 'data-heading="Exact match"' in page
    assert '<div class="split many">' not in render_report(FULL)


def test_a_score_that_no_model_has_takes_no_column():
    scores = {"f1": 0.5, "exact_match": 0.5, "has_answer_f1": None}

    found = metric_columns([replace(model("tuned", 0.5), scores=scores)], measures_of(["squad"]))

    assert list(found) == ["f1", "exact_match"]
