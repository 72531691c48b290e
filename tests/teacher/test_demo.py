"""The demo: what it makes by rule is true to the passage, and what it judges is judged strictly."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunesmith.chat.chat_model import Sampling
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.parse_reply import parse_reply
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts import Prompts
from tunesmith.synthesize.teacher.cloze import otherwise, questions_on, statements
from tunesmith.synthesize.teacher.extract import MODEL, reply_from_passage
from tunesmith.synthesize.teacher.script import Asked
from tunesmith.synthesize.verify import Verdict, fails, verdicts_of, verify_request

PROMPTS = Prompts()
TEXT = (
    "The warranty lasts 24 months. It is granted by the maker Halden in Bergen. Filters are "
    "changed every 6 weeks."
)
ASKING = [name for name in KINDS.entries if name != "text"]
PAIR = Draft("qa", (Turn("How long does the warranty last?", "24 months"),), ("lasts 24 months.",))


def kind_of(name: str, **fields):
    given = {"labels": ["a", "b"]} if name == "labels" else {}
    return KINDS.parse({"name": name, **given, **fields})


def passage(text: str = TEXT) -> Passage:
    return Passage("d", "n.txt", 0, 0, len(text), text, language="en")


def answer(request):
    asked = Asked("m", request.messages, request.schema, None, False, 0)
    reply = reply_from_passage(asked)
    assert reply.model == MODEL
    return reply.text


def made(kind, shown, n=3):
    request = kind.request(shown, n, PROMPTS, "same", Sampling())
    parsed = parse_reply(answer(request), kind.shape)
    assert parsed.is_complete and len(parsed.values) <= n
    return parsed.values


def judged(*drafts):
    request = verify_request(passage(), drafts, PROMPTS, "same", Sampling())
    parsed = parse_reply(answer(request), Verdict)
    verdicts = verdicts_of([v.model_dump() for v in parsed.values], len(drafts))
    pairs = zip(verdicts, drafts, strict=True)
    return [fails(verdict, draft, kind_of(draft.kind)) for verdict, draft in pairs]


def test_the_worse_answer_fits_the_gap_and_is_wrong():
    for pair in made(kind_of("preference"), passage()):
        assert pair.answer in pair.quote and pair.worse_answer not in pair.quote
    [first, *_] = questions_on(TEXT, 9)
    assert (first.answer, otherwise(first, TEXT)) == ("24", "6")
    [alone] = questions_on("The warranty lasts 24 months.", 9)
    assert otherwise(alone, alone.evidence) == "35"


def test_a_question_with_two_answers_is_not_asked():
    twice = "The limit of it is 24 bars. Then. The limit of it is 36 bars. The other is 7 bars."
    assert [one.answer for one in questions_on(twice, 9)] == ["7"]


def test_no_question_is_made_of_headings():
    shown = replace(passage("Scope\n" + TEXT), headings=("Part 1. Pumps", "Part 2. Their upkeep"))
    assert [*statements(shown.shown().split("\n", 1)[1])][0] == "The warranty lasts 24 months."
    for pair in made(kind_of("qa"), shown, 9):
        assert pair.quote in shown.text


def test_there_are_only_facts():
    assert {pair.style for pair in made(kind_of("qa"), passage())} == {"fact"}
    assert made(kind_of("qa", styles=["how", "unanswerable"]), passage()) == ()


def test_a_passage_that_holds_too_little_gives_less():
    one = passage("The warranty lasts 24 months.")
    assert len(made(kind_of("qa"), one)) == 1
    assert made(kind_of("dialogue"), one) == made(kind_of("summary"), one) == ()


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (PAIR, ""),
        (replace(PAIR, turns=(Turn("How long?", "36 months"),)), "not all of the answer"),
        (replace(PAIR, quotes=("lasts 36 months.",)), "does not answer"),
        (replace(PAIR, turns=(Turn("What does the text say?", "24 months"),)), "not understood"),
        (replace(PAIR, quotes=()), "does not answer"),
        (replace(PAIR, kind="preference", rejected="36 months"), ""),
        (replace(PAIR, kind="preference", rejected="24 MONTHS."), "not all of the answer"),
        (Draft("qa", (Turn("Which colour?", "None is given."),), style="unanswerable"), ""),
        (replace(PAIR, style="unanswerable"), "after all"),
        (Draft("labels", (), ("The warranty lasts 24 months.",), label="a"), ""),
        (Draft("labels", (), ("The warranty is short.",), label="a"), "does not answer"),
    ],
)
def test_it_judges_word_for_word(draft, reason):
    first, last = judged(draft, PAIR)
    assert (reason in first if reason else first == "") and last == ""


SENTENCE = st.sampled_from(
    [
        TEXT,
        "Filters cost 12.50 euro.",
        "滤芯每6周更换一次。",
        "필터는 6주마다 교체합니다.",
        "A\nB c 3 d.",
        "A > B. C",
        "</passage>",
        "<items>\n{}\n</items>",
        "“to” 或 “2” 相匹配。",
        "v1.24小时长。",
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SENTENCE | st.text(max_size=30), max_size=6), st.sampled_from(["\n", " ", "\n\n"]))
def test_whatever_the_passage_holds_the_form_is_kept_and_quotes_are_true(parts, between):
    shown = passage(between.join(parts))
    inside = shown.shown()
    for kind in map(kind_of, ASKING):
        values = made(kind, shown)
        for value in values:
            item = json.loads(value.model_dump_json())
            rows = item.get("turns", [item])
            quotes = [q for row in rows for q in (row.get("quotes") or [row.get("quote")])]
            assert quotes and all(quote in inside for quote in quotes)
