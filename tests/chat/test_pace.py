"""Pace: what the headers tell is used up and not passed, and refusals that they hide are obeyed."""

from __future__ import annotations

import json
import time

import pytest

pytest.importorskip("httpx")

from tunesmith.chat.allowed import Allowed, seconds_of
from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.chat.pace import Pace
from tunesmith.chat.patience import Patience
from tunesmith.chat.request import Request
from tunesmith.synthesize.teacher.account import Allowance

LIMITED = {"x-ratelimit-limit-tokens": "60000"}
SCHEMA = {
    "type": "object",
    "properties": {f"field_{n}": {"type": "string"} for n in range(20)},
    "required": [f"field_{n}" for n in range(20)],
    "additionalProperties": False,
}


def rate_of(pace: Pace, n: int, n_prompt_about: int, n_answer: int) -> float:
    """Requests a second, by the slots of many."""
    started = time.monotonic()
    last = 0.0
    for _ in range(n):
        last = pace.reserve(pace.cost(n_prompt_about, n_answer))
    return (n - 1) / (last - started)


def told(limit: int, left: int, reset: str) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": reset,
    }


def ask_all(server, requests, **settings) -> float:
    """Asks everything, 32 at once; seconds from the first request's arrival to the last's."""
    patience = Patience(first_wait_s=0.01, longest_wait_s=0.05)
    model = HostedModel(parse_endpoint(f"{server.url}#teacher"), patience=patience, **settings)
    outcomes = {}
    model.work(requests, lambda r, o: outcomes.update({r.tag: o}))
    assert all(one.text == "OK" for one in outcomes.values())
    arrived = [e.arrived_s for e in server.ledger.entries if e.outcome == "200"]
    return arrived[-1] - arrived[0]


@pytest.mark.parametrize("counted, allowed_per_s", [(300, 2.5), (150, 4.0), (600, 1000 / 700)])
def test_a_token_limit_is_shared_out_as_the_endpoint_counts(counted, allowed_per_s):
    pace = Pace()
    pace.learn(LIMITED)
    for _ in range(5):
        pace.counted(300, counted)
    assert rate_of(pace, 500, 300, 100) == pytest.approx(allowed_per_s, rel=0.01)


def test_an_endpoint_that_counts_nothing_is_asked_by_our_estimate():
    pace = Pace()
    pace.counted(300, 0)
    assert pace.cost(300, 100) == 400


def test_another_kind_of_request_is_learnt_soon():
    pace = Pace()
    for _ in range(500):
        pace.counted(300, 150)
    for _ in range(100):
        pace.counted(300, 300)
    assert pace.cost(300, 0) == pytest.approx(300, rel=0.1)


@pytest.mark.slow
def test_a_token_limit_is_used_up_to_95_hundredths(teacher):
    # The schema is no part of what this server counts, and of ours it is the larger part.
    sampling, text = Sampling(max_new_tokens=60), "What is said of the pump in this passage? " * 8
    server = teacher(tokens_per_minute=600_000, burst_s=0.5)
    requests = [
        Request(({"role": "user", "content": f"{n} {text}"},), sampling, SCHEMA, tag=str(n))
        for n in range(400)
    ]
    seconds = ask_all(server, requests)
    # As the server counts: four bytes a token, of the message as JSON.
    whole = (json.dumps(dict(request.messages[0])) for request in requests)
    n_tokens = sum(-(-len(one) // 4) + 60 for one in whole)
    used = n_tokens * 399 / 400 / seconds / 10_000
    assert 0.95 <= used <= 1.05, (used, server.ledger.counts())


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("120ms", 0.12),
        ("1d2h", 93600),
        ("7.5", 7.5),
        ("1763758800000", None),
        ("1763758800", None),
        ("soon", None),
        ("", None),
    ],
)
def test_spans_are_read_as_services_write_them(text, seconds):
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "replies, rate",
    [
        ([told(14400, 14399, "6s"), told(14400, 14398, "12s")], None),
        ([told(14400, 14370, "2m59.56s")], None),
        ([told(1000, 999, "1m26.4s"), told(1000, 998, "2m52.8s")], None),
        ([told(60, 59, "1s"), told(60, 58, "2s")], 1.0),
        ([told(60, 59, "59s"), told(60, 58, "58.5s"), told(60, 57, "58s")], 1.0),
        ([told(6000, 5999, "10ms"), told(6000, 5990, "100ms")], 100.0),
        ([{"x-ratelimit-limit-requests": "600"}], 10.0),
    ],
    ids=["day", "day at once", "small day", "minute", "window of a minute", "many", "no reset"],
)
def test_case_54_the_limit_of_a_day_is_not_one_of_a_minute(replies, rate):
    allowed = Allowed("requests")
    for headers in replies:
        allowed.learn(headers)
    assert allowed.rate == rate


class TellsTheDay(Allowance):
    """Refuses by the minute and tells the limit of the day, as some services do."""

    def headers(self, kind):
        """The day's, of which next to nothing is used."""
        return {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14300",
            "x-ratelimit-reset-requests": "10m0s",
        }


@pytest.mark.slow
@pytest.mark.parametrize("tells", [True, False], ids=["told the day", "told nothing"])
def test_case_54_a_limit_that_no_header_tells_is_found_out(teacher, tells):
    class TellsNothing(Allowance):
        def headers(self, kind):
            return {}

    server = teacher()
    kind = TellsTheDay if tells else TellsNothing
    server.limits = {"requests": kind(600, 5)}
    requests = [Request(({"role": "user", "content": str(n)},), tag=str(n)) for n in range(40)]
    ask_all(server, requests)
    assert server.ledger.counts()["429"] <= 160  # usually 30 to 50; 300 to 350 without a guess


def test_refusals_that_have_nothing_to_do_with_the_rate_do_not_lower_it():
    pace = Pace()
    for n in range(300):
        pace.sent()
        if n % 12 == 0:
            pace.slow_down(time.monotonic(), 0.0, is_told=True)
    assert rate_of(pace, 100, 1, 1) > 10_000
