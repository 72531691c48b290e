"""Cleaning one conversation: planted cases, and what must hold for any text."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.dialogues.clean import Cleaning, clean_conversation, clean_text
from tunesmith.synthesize.dialogues.said import Said

PLANTED = [
    json.loads(line)
    for line in (Path(__file__).parent / "planted.jsonl").read_text("utf-8").splitlines()
]


def said(*messages: Any) -> list[Said]:
    return [
        Said(f"chat.csv:{n}", text, speaker=speaker, side=side)
        for n, (side, speaker, text) in enumerate(messages, 2)
    ]


def turns_of(messages: list[Said], cleaning: Cleaning | None = None) -> list[list[str]]:
    cleaned = clean_conversation(messages, cleaning or Cleaning())
    return [[turn.side, turn.text] for turn in cleaned.turns]


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case["name"])
def test_planted_conversations_come_out_clean(case):
    cleaned = clean_conversation(said(*case["messages"]), Cleaning())

    assert [[turn.side, turn.text] for turn in cleaned.turns] == case["turns"]
    assert Counter(reason for reason, _ in cleaned.dropped) == case.get("dropped", {})


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case["name"])
def test_planted_conversations_cleaned_twice_are_the_same(case):
    once = case["turns"]
    assert turns_of(said(*((side, "", text) for side, text in once))) == once


PIECES = st.sampled_from(
    "Hi Anna,|I'm Bob Smith.|call 555-123-4567|a.b@example.com|@AcmeHelp|https://t.co/x|^JK|/MT|"
    "-Anna|1/2|2/2|(1/2)|&amp;|&lt;b&gt;|<br>|<b>bold</b>|<link>|<name-1>|<email-2>|> quoted|"
    "On Monday Bob wrote:|Best regards,|Anna|Sent from my iPhone|-- |order 12345678|😀|:)|<3|a < b|"
    "Ticket was closed|您好王女士|我叫王芳，|13812345678|北京市海淀区中关村大街27号|"
    "Thanks|.|!|?|,|PA|"
    "4111 1111 1111 1111|\u200b|\u00a0|...|&|<|>|@|#1234|+44 20 7946 0958|Mr Will May|will|"
    "&amp;lt;p&amp;gt;|[a](https://x.y/z)|<LINK>|www.acme.com|. Aisha|RE|x@y|--|\n- Restart".split(
        "|"
    )
)
TEXTS = st.lists(
    st.tuples(PIECES, st.sampled_from([" ", "", "\n", "\n\n"])), min_size=1, max_size=8
).map(lambda parts: "".join(piece + gap for piece, gap in parts))
CONVERSATIONS = st.lists(
    st.tuples(
        st.sampled_from(["customer", "agent"]),
        st.sampled_from(["", "Anna Smith", "AcmeHelp"]),
        TEXTS,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=120, deadline=None)
@given(CONVERSATIONS)
def test_any_conversation_cleaned_twice_is_the_same(messages):
    once = turns_of(said(*messages))
    assert turns_of(said(*((side, "", text) for side, text in once))) == once


@settings(max_examples=60, deadline=None)
@given(CONVERSATIONS)
def test_every_message_is_in_a_turn_or_dropped(messages):
    cleaned = clean_conversation(said(*messages), Cleaning())

    places = [place for turn in cleaned.turns for place in turn.origins]
    places += [place for _, place in cleaned.dropped]
    assert sorted(places) == sorted(f"chat.csv:{n}" for n in range(2, len(messages) + 2))


NAMES = st.from_regex(r"[a-z][a-z0-9]{1,8}([._-][a-z0-9]{2,6})?", fullmatch=True)
EMAILS = st.builds(lambda n, d: f"{n}@{d}.example.com", NAMES, NAMES.map(lambda n: n[0] + "x"))
DIGITS = st.integers(2_000_000, 9_999_999).map(str)
PHONES = st.one_of(
    DIGITS.map(lambda d: f"+1 (415) {d[:3]}-{d[3:]}"),
    DIGITS.map(lambda d: f"415-{d[:3]}-{d[3:]}"),
    DIGITS.map(lambda d: f"415.{d[:3]}.{d[3:]}"),
    DIGITS.map(lambda d: f"415{d}"),
    DIGITS.map(lambda d: f"+44 20 {d[:4]} {d[4:]}0"),
    DIGITS.map(lambda d: f"138{d}1"),
    DIGITS.map(lambda d: f"030 {d}"),
)
AROUND = st.sampled_from(
    ["write to {} please", "{}", "({})", "邮箱{}。", "联系{}谢谢", "it is {}."]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.one_of(EMAILS, PHONES), AROUND), min_size=1, max_size=6))
def test_no_planted_address_or_number_survives_and_each_keeps_its_placeholder(planted):
    texts = [around.format(value) for value, around in planted]
    sides = ["customer", "agent"] * len(texts)
    # A word of its own on every line, so that none repeats the one before.
    messages = said(
        *(
            (side, "", f"{n}: {text}")
            for n, (side, text) in enumerate(zip(sides, texts, strict=False))
        )
    )

    turns = turns_of(messages)

    masks: dict[str, str] = {}
    for (value, around), (_, text), number in zip(planted, turns, range(99), strict=False):
        assert value not in text
        before, behind = around.split("{}")
        mask = text.removeprefix(f"{number}: {before}").removesuffix(behind)
        key = "".join(c for c in value if c.isdigit()) if "@" not in value else value
        assert masks.setdefault(key, mask) == mask
    assert len(set(masks.values())) == len(masks)


def test_options_keep_what_they_say():
    messages = said(
        ("customer", "", "@AcmeHelp see https://a.example/x and mail a@b.example"),
        ("agent", "", "Hi Anna, done @12345"),
    )

    assert turns_of(messages, Cleaning(links="keep", mentions="keep", keep_personal=True)) == [
        ["customer", "@AcmeHelp see https://a.example/x and mail a@b.example"],
        ["agent", "Hi Anna, done @12345"],
    ]
    assert turns_of(messages, Cleaning(links="remove", mentions="mark")) == [
        ["customer", "<agent> see and mail <email-1>"],
        ["agent", "Hi <name-1>, done <customer>"],
    ]


def test_whom_a_message_addresses_is_taken_out_whole():
    text = "@1234 @5678 Hey there 1/2 @1234 and on 2/2"
    assert clean_text(text, "agent", Cleaning()) == "Hey there and on"
    assert clean_text("Ask @Bo or @Al today", "customer", Cleaning()) == (
        "Ask <agent> or <agent> today"
    )


@pytest.mark.parametrize(
    "piece", ["1", "1.", "1 ", "On x\n", "> x\n", "中", "x, Anna. ", "<b>", "a@"]
)
def test_odd_texts_take_no_longer_than_others(piece):
    text = piece * (20_000 // len(piece))
    started = time.process_time()
    clean_conversation(said(("agent", "", text), ("customer", "", "x")), Cleaning())
    assert time.process_time() - started < 2


def test_a_number_is_the_same_whether_it_is_told_to_be_a_phones_or_not():
    messages = said(("customer", "", "call +442079460958"), ("agent", "", "442079460958 noted"))
    assert turns_of(messages) == [["customer", "call <phone-1>"], ["agent", "<phone-1> noted"]]


def test_a_summary_is_masked_with_its_conversation():
    messages = said(("customer", "", "I'm Anna Smith."), ("agent", "", "Hi Anna!"))
    cleaned = clean_conversation(messages, Cleaning(), extra=["Anna asks. Bob is told."])
    assert cleaned.extra == ["<name-1> asks. Bob is told."]


def test_a_company_is_no_person():
    messages = said(("customer", "", "Dear Acme, it broke"), ("agent", "AcmeHelp", "Oh no."))
    cleaned = clean_conversation(messages, Cleaning(), companies={"AcmeHelp"})
    assert cleaned.turns[0].text == "Dear Acme, it broke"


def test_a_customers_own_ending_is_no_signature():
    text = "It says -Anna"
    assert clean_text(text, "customer", Cleaning()) == text
    assert clean_text(text, "agent", Cleaning()) == "It says"


def test_placeholders_that_are_there_keep_their_numbers():
    messages = said(("customer", "", "I wrote from <email-3>, now b@x.example"))
    assert turns_of(messages) == [["customer", "I wrote from <email-3>, now <email-4>"]]
    assert replace(messages[0], text="")  # the messages themselves are not changed
