"""Perplexity equals what a plain pass over the whole context gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tunesmith.evaluation.perplexity import RunningText, perplexity, windows  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402


@given(st.integers(2, 200), st.integers(2, 60), st.data())
def test_every_token_is_scored_once_with_context_before_it(n_tokens, window, data):
    stride = data.draw(st.integers(1, window - 1))
    scored = []
    for number, (begin, end, first) in enumerate(windows(n_tokens, window, stride)):
        assert 0 <= begin < first < end <= n_tokens and end - begin <= window
        assert number == 0 or first - begin >= window - stride
        scored += range(first, end)
    assert scored == list(range(1, n_tokens))


@pytest.fixture(scope="module")
def network(tiny):
    return load_model(Model(path=str(tiny)), device=torch.device("cpu"))


def text_of(n_tokens, seed=0):
    ids = np.random.default_rng(seed).integers(5, 3000, n_tokens).astype(np.int32)
    return RunningText(ids, n_words=n_tokens // 2, n_bytes=3 * n_tokens)


def plain(network, ids, begin, end, first):
    """Nats of tokens first to end, each in the context from ``begin`` on."""
    given = torch.as_tensor(ids[begin:end], dtype=torch.int64)[None]
    with torch.no_grad():
        logps = network(given).logits[0].log_softmax(-1)
    return -sum(float(logps[i - begin - 1, ids[i]]) for i in range(first, end))


def test_texts_within_a_window_are_scored_in_their_whole_context(network):
    texts = [text_of(n, seed=n) for n in (40, 2, 100, 17)]
    found = perplexity(network, texts, window=128, stride=64, batch_size=3)
    nats = sum(plain(network, t.input_ids, 0, len(t.input_ids), 1) for t in texts)
    assert found.n_tokens == 39 + 1 + 99 + 16
    assert found.nats == pytest.approx(nats, rel=1e-5)
    scores = found.as_dict()
    assert scores["perplexity"] == pytest.approx(math.exp(nats / 155), rel=1e-5)
    assert scores["word_perplexity"] == pytest.approx(math.exp(nats / (20 + 1 + 50 + 8)), rel=1e-5)
    assert scores["bits_per_byte"] == pytest.approx(nats / math.log(2) / (159 * 3), rel=1e-5)


@pytest.mark.parametrize("stride", [1, 7, 31])
def test_a_long_text_is_scored_window_by_window(network, stride):
    text = text_of(90)
    found = perplexity(network, [text], window=32, stride=stride, batch_size=4)
    nats = sum(plain(network, text.input_ids, *part) for part in windows(90, 32, stride))
    assert found.n_tokens == 89
    assert found.nats == pytest.approx(nats, rel=1e-5)
    if stride == 1:  # each token behind the first window with 31 before it
        each = plain(network, text.input_ids, 0, 32, 1) + sum(
            plain(network, text.input_ids, i - 31, i + 1, i) for i in range(32, 90)
        )
        assert found.nats == pytest.approx(each, rel=1e-5)
