import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tunesmith.evaluation.report import (
    Curve,
    Example,
    ModelScores,
    Report,
    date_text,
    percent_text,
    render_report,
    score_rows,
    signed_text,
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
