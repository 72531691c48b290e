"""Near duplicates against the truth: the Jaccard similarity of the sets of windows themselves."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.checks.clusters import cluster
from tunesmith.checks.minhash import N_BINS, WINDOW, signatures
from tunesmith.checks.near_duplicates import SHORTEST, NearDuplicates
from tunesmith.core.examples import SpanQuestion

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "rt", "lm", "sk")]


def text(rng: random.Random, n_words: int) -> str:
    return " ".join(rng.choices(WORDS, k=n_words))


def edited(rng: random.Random, original: str, n_edits: int) -> str:
    words = original.split()
    for place in rng.sample(range(len(words)), n_edits):
        words[place] = rng.choice(WORDS)
    return " ".join(words)


def jaccard(a: str, b: str) -> float:
    x, y = ({t[i : i + WINDOW] for i in range(len(t) - WINDOW + 1)} for t in (a, b))
    return len(x & y) / len(x | y)


def signed(texts: list[str]) -> np.ndarray:
    data = [t.encode() for t in texts]
    ends = np.cumsum([len(t) for t in data])
    starts = ends - np.array([len(t) for t in data])
    return signatures(np.frombuffer(b"".join(data), np.uint8), starts, ends)


def test_planted_near_duplicates_are_found_and_unrelated_rows_are_not(found, ask):
    rng = random.Random(0)
    originals = [text(rng, rng.randrange(25, 200)) for _ in range(1500)]
    pairs = [(t, edited(rng, t, rng.randrange(1, 6))) for t in originals[:1000]]
    truth = [jaccard(a, b) for a, b in pairs]
    rows = [a for pair in pairs for a in pair] + originals[1000:]

    labels = cluster(signed(rows))

    near = [n for n, value in enumerate(truth) if value >= 0.9]
    together = [labels[2 * n] == labels[2 * n + 1] for n in near]
    assert len(near) > 300
    assert np.mean(together) >= 0.95
    partner = {2 * n + 1: 2 * n for n in range(1000)}
    strangers = [n for n, label in enumerate(labels) if label not in (n, partner.get(n))]
    assert not strangers


def test_rows_that_share_half_of_their_wording_are_not_alike():
    rng = random.Random(7)
    pairs = [(t := text(rng, 200), edited(rng, t, rng.randrange(25, 60))) for _ in range(500)]
    truth = np.array([jaccard(a, b) for a, b in pairs])

    labels = cluster(signed([t for pair in pairs for t in pair]))

    half = (truth > 0.4) & (truth < 0.65)
    assert half.sum() > 100
    assert np.mean(labels[0::2][half] == labels[1::2][half]) < 0.05


def test_short_rows_are_not_alike_for_the_bins_they_both_leave_empty():
    rng = random.Random(8)

    labels = cluster(signed([text(rng, 26)[:SHORTEST] for _ in range(3000)]))

    assert (labels == np.arange(3000)).all()


def test_the_share_of_agreeing_bins_estimates_the_similarity():
    rng = random.Random(1)
    for n_edits in (2, 10, 40):
        pairs = [(t := text(rng, 300), edited(rng, t, n_edits)) for _ in range(60)]
        made = signed([t for pair in pairs for t in pair]).reshape(-1, 2, N_BINS)

        agreeing = float(np.mean(made[:, 0] == made[:, 1]))

        assert agreeing == pytest.approx(np.mean([jaccard(a, b) for a, b in pairs]), abs=0.04)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=SHORTEST, max_size=400),
    st.lists(st.binary(max_size=300), min_size=2, max_size=4),
)
def test_the_same_bytes_have_the_same_signature_whatever_lies_around(data, around):
    joined, starts = b"", []
    for part in around:
        joined += part
        starts.append(len(joined))
        joined += data
    begin = np.array(starts)

    made = signatures(np.frombuffer(joined, np.uint8), begin, begin + len(data))

    assert (made == made[0]).all()
    assert (cluster(made) == 0).all()


def test_thousands_of_alike_rows_are_one_cluster_in_a_moment():
    rng = random.Random(2)
    base = text(rng, 400)
    rows = [edited(rng, base, 3) for _ in range(5000)]

    labels = cluster(signed(rows))

    assert np.bincount(labels).max() > 4900


def test_clusters_are_told_with_their_number_and_size(found, ask):
    rng = random.Random(3)
    first, second, third = (text(rng, 100) for _ in range(3))
    asked = [first, second, f"{first} baart", third, f"{second} fesk", f"dilm {first}", "short"]
    rows = [ask(one, "yes") for one in asked]

    finding = found(NearDuplicates(), train=rows)["near-duplicates"]

    assert finding.count == 5
    assert finding.details == {"clusters": 2, "largest": 3}
    assert finding.places[0] == "train.jsonl:1 and train.jsonl:3"


def test_exact_repeats_are_left_to_their_own_check(found, ask):
    long = text(random.Random(4), 100)

    assert not found(NearDuplicates(), train=[ask(long, "a"), ask(long, "a")])


def test_a_near_repeat_in_evaluation_is_told_apart(found, ask):
    long = text(random.Random(5), 100)

    findings = found(NearDuplicates(), train=[ask(long, "a")], test=[ask(f"{long} gart", "a")])

    assert set(findings) == {"near-leak"}
    assert findings["near-leak"].places == ("train.jsonl:1 and test.jsonl:1",)


def test_rows_that_share_a_system_text_or_a_context_are_not_alike(found, ask):
    rng = random.Random(6)
    long = text(rng, 2000)
    asked = [SpanQuestion(text(rng, 40), long, (), "", id=str(number)) for number in range(3)]

    assert not found(NearDuplicates(), train=asked)
    assert not found(
        NearDuplicates(), train=[ask(text(rng, 40), text(rng, 40), system=long) for _ in range(3)]
    )
