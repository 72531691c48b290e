"""Dedupe: planted repeats are dropped, pairs that only look alike stay, train never tells eval."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from made_pairs import made_pairs

from tunesmith.synthesize.dedupe import Dedupe

LEAST_RECALL, LEAST_PRECISION, MOST_SECONDS, MOST_BYTES = 0.95, 0.98, 30, 200


def drops(*pairs: tuple[str, str] | tuple[str, str, str]) -> dict[str, str]:
    rows = Dedupe()
    for number, (question, answer, *split) in enumerate(pairs):
        rows.add(f"p{number}", question, answer, *split or ["train"])
    return rows.drops()


FIRST = ("When was the old bridge in Eastham opened?", "The old bridge was opened in 1793.")


@pytest.mark.parametrize(
    "again",
    [
        FIRST,
        ("  when was the old bridge in Eastham opened ", "The old bridge was opened in 1793"),
        ("When was the ancient bridge in Eastham opened?", "The old bridge was opened in 1793."),
        ("In Eastham, when was the old bridge opened?", "The old bridge was opened in 1793."),
        ("When was the old bridge in Eastham opened?", "The bridge was first opened in 1793."),
    ],
)
def test_what_says_the_same_again_is_dropped(again):
    assert [*drops(FIRST, again)] == ["p1"]


@pytest.mark.parametrize(
    "other",
    [
        ("When was the old bridge in Weston opened?", "The old bridge was opened in 1793."),
        ("When was the old bridge in Eastham closed?", "The old bridge was closed in 1902."),
        ("When was the old bridge in Eastham opened?", "The old bridge was opened in 1794."),
        ("Who opened the old bridge in Eastham?", "Margaret Oakes opened the old bridge."),
    ],
)
def test_what_only_looks_alike_stays(other):
    assert drops(FIRST, other) == {}


def test_cities_of_one_template_stay_where_answers_differ():
    assert (
        drops(
            ("What is the population of Paris?", "The population of Paris is 2,102,650."),
            ("What is the population of Rome?", "The population of Rome is 2,748,109."),
            ("北京的市花是什么？", "北京的市花是月季。"),
            ("上海的市花是什么？", "上海的市花是白玉兰。"),
            ("What colour is the sky?", "The sky is blue."),
            ("What colour is the grass?", "The grass is green."),
        )
        == {}
    )


def test_chinese_repeats_are_dropped():
    assert [
        *drops(
            ("赵州桥由谁设计建造？", "赵州桥由工匠李春设计建造。"),
            ("赵州桥是由谁设计建造的", "赵州桥由工匠李春设计建造"),
            ("谁设计建造了赵州桥？", "赵州桥由工匠李春设计建造。"),
        )
    ] == ["p1", "p2"]


def test_reasons_name_what_is_repeated():
    rows = [
        ("How is the lamp of the tower lit each night?", "The keeper lights the lamp by hand."),
        ("How is the lamp of the tower lit each evening?", "The keeper lights the lamp by hand."),
    ]
    assert drops(*rows, rows[1]) == {
        "p1": "duplicate: nearly the same as p0",
        "p2": "duplicate: the same as p1",
    }


@pytest.mark.parametrize("train_comes_first", [True, False])
def test_train_loses_what_eval_asks(train_comes_first):
    train = [
        (*FIRST, "train"),
        ("When was the ancient bridge in Eastham opened?", "In 1793.", "train"),
        ("When was the old bridge in Eastham opened?", "Nobody knows.", "train"),
        ("When was the old bridge in Weston opened?", "In 1801.", "train"),
    ]
    held_out = [(*FIRST, "eval")]
    rows = [*train, *held_out] if train_comes_first else [*held_out, *train]
    shift = 0 if train_comes_first else 1

    found = drops(*rows)

    assert [*found] == [f"p{n + shift}" for n in (0, 1, 2)]
    assert all(reason.startswith("also held out: ") for reason in found.values())


def test_nothing_comes_of_nothing():
    assert Dedupe().drops() == {}
    assert drops(("", ""), ("", "")) == {"p1": "duplicate: the same as p0"}


def measured(n: int, language: str) -> tuple[float, float, float]:
    pairs = made_pairs(n, language)
    start = time.perf_counter()
    rows = Dedupe()
    for pair in pairs:
        rows.add(pair.id, pair.question, pair.answer, pair.split)
    found = set(rows.drops())
    seconds = time.perf_counter() - start
    planted = {pair.id for pair in pairs if pair.repeats}
    recall, precision = len(found & planted) / len(planted), len(found & planted) / len(found)
    print(f"{language}: recall {recall:.4f}, precision {precision:.4f}, {seconds:.1f} s")
    return recall, precision, seconds


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_repeats_among_a_thousand(language):
    recall, precision, _ = measured(1_000, language)

    assert recall >= LEAST_RECALL
    assert precision >= LEAST_PRECISION


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_repeats_among_ten_thousand_in_time(language):
    recall, precision, seconds = measured(10_000, language)

    assert recall >= LEAST_RECALL
    assert precision >= LEAST_PRECISION
    assert seconds < MOST_SECONDS


def test_a_pair_takes_less_than_200_bytes():
    pairs = made_pairs(600, "en")
    ids = [pair.id for pair in pairs]
    warm = Dedupe()
    for pair in pairs:  # fills the caches of words
        warm.add(pair.id, pair.question, pair.answer, pair.split)
    del warm
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        rows = Dedupe()
        for name, pair in zip(ids, pairs, strict=True):
            rows.add(name, pair.question, pair.answer, pair.split)
        n_bytes = (tracemalloc.get_traced_memory()[0] - before) / len(pairs)
    finally:
        tracemalloc.stop()
    print(f"{n_bytes:.0f} bytes of a pair")
    assert n_bytes < MOST_BYTES
