"""A hosted model, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import signal
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from planted import Knows, planted

from tunesmith.chat.api_key import ApiKey, find_key
from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.endpoint import is_hosted, parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.chat.patience import Failure, Patience
from tunesmith.chat.reply_cache import ReplyCache
from tunesmith.chat.reply_faults import (
    Hopeless,
    NoForm,
    Passing,
    Unanswerable,
    fault_of,
    wait_asked,
)
from tunesmith.chat.reply_stream import ReplyStream
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.core.errors import DataError, EndpointError, ParkedError
from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule

pytest.importorskip("httpx")

HASTY = Patience(tries=6, first_wait_s=0.01, longest_wait_s=0.05, idle_s=0.4, park_s=5)
SAMPLING = Sampling(max_new_tokens=64)


def asked(text: str) -> Conversation:
    return Conversation((Message("user", text),), f"test:{text[:20]}")


def request(text: str, **fields) -> Request:
    return Request(({"role": "user", "content": text},), tag=text, **fields)


def hosted(server, **settings) -> HostedModel:
    settings = {"patience": HASTY, **settings}
    return HostedModel(parse_endpoint(f"{server.url}#teacher"), **settings)


def work(model: HostedModel, *texts: str) -> dict[str, object]:
    outcomes = {}
    model.work([request(text) for text in texts], lambda r, o: outcomes.update({r.tag: o}))
    return outcomes


def test_many_conversations_are_answered_in_their_order(teacher):
    facts = planted(50)
    server = teacher(otherwise=Knows(facts))
    model = hosted(server)
    answers = model.complete([asked(fact.request) for fact in facts], SAMPLING)
    assert [answer.text for answer in answers] == [fact.reply for fact in facts]
    one = answers[0]
    assert one.finish_reason == "stop" and one.model == "teacher" and one.latency_s > 0
    assert one.n_tokens > 10 and one.n_prompt_tokens > 10
    assert len(server.ledger) == 50 and model.spend.n_replies == 50
    assert model.spend.n_tokens == sum(answer.n_tokens for answer in answers)


def test_a_stream_joins_to_the_whole_answer(teacher):
    fact = planted(2)[1]
    model = hosted(teacher(otherwise=Knows([fact])))
    pieces = list(model.stream(asked(fact.request), SAMPLING))
    assert len(pieces) > 3 and "".join(pieces) == fact.reply
    [again] = model.complete([asked(fact.request)], SAMPLING)
    assert again.text == fact.reply


def test_a_stream_that_is_left_ends_its_request(teacher):
    model = hosted(teacher(Rule("", (Fault("stalls"),))), patience=Patience(idle_s=30))
    pieces = model.stream(asked("x"), SAMPLING)
    assert next(pieces)
    started = time.monotonic()
    pieces.close()
    assert time.monotonic() - started < 2


def test_a_stream_that_breaks_off_is_an_error_and_not_begun_again(teacher):
    server = teacher(Rule("", (Fault("stalls"), Reply("fine"))))
    pieces = []
    with pytest.raises(EndpointError, match="broke off after"):
        for piece in hosted(server).stream(asked("x"), SAMPLING):
            pieces.append(piece)
    assert pieces and len(server.ledger) == 1


@pytest.mark.parametrize("text", ["a\u2028b\u2029c\x85d", "多行\r\n文本\n\n", "", "data: [DONE]\n"])
def test_no_sign_of_an_answer_is_lost(teacher, text):
    [answer] = hosted(teacher(otherwise=Reply(text))).complete([asked("x")], SAMPLING)
    assert answer.text == text


def test_an_answer_that_was_cut_says_so(teacher):
    server = teacher(otherwise=Reply("half of an ans", finish_reason="length"))
    [answer] = hosted(server).complete([asked("x")], SAMPLING)
    assert answer.finish_reason == "length"


def test_a_stream_without_its_end_is_never_an_answer(teacher):
    lost = Reply("it looks who", has_end=False)
    server = teacher(Rule("once", (lost, Reply("whole"))), Rule("always", (lost,)))
    outcomes = work(hosted(server), "once", "always")
    assert outcomes["once"].text == "whole"
    assert outcomes["always"] == Failure(
        "given up after 6 tries: the answer ended without a finish_reason", True
    )


def test_it_works_where_an_event_loop_runs_already(teacher):
    model = hosted(teacher())

    async def in_a_notebook() -> str:
        assert list(model.stream(asked("x"), SAMPLING)) == ["OK"]
        return model.complete([asked("x")], SAMPLING)[0].text

    assert asyncio.run(in_a_notebook()) == "OK"


def test_an_interrupted_notebook_asks_no_more(teacher):
    server = teacher(otherwise=Reply("OK", delay_s=0.05))
    model, outcomes = hosted(server, at_once=2), []

    def take(request, outcome):
        outcomes.append(outcome)
        if len(outcomes) == 4:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    async def in_a_notebook() -> None:
        model.work([request(str(n)) for n in range(1000)], take)

    loop = asyncio.new_event_loop()  # asyncio.run would take the signal itself
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(in_a_notebook())
    n_asked = len(server.ledger)
    loop.close()
    assert 4 <= len(outcomes) <= n_asked < 20
    assert not any("aside" in t.name and t.is_alive() for t in threading.enumerate())


def test_the_schema_is_sent_and_left_out_where_it_is_refused(teacher):
    seen = []

    def takes_no_schema(asked):
        seen.append(asked.schema)
        if asked.schema is not None:
            param = "response_format" if asked.form == "schema" else "tools"
            return Fault("status", 400, param=param, message="not supported here")
        return Reply("plain")

    model = hosted(teacher(otherwise=takes_no_schema))
    outcomes = []
    schema = {"type": "object"}
    for text in "ab":
        model.work([request(text, schema=schema)], lambda r, o: outcomes.append(o.text))
    assert outcomes == ["plain", "plain"] and seen == [schema, schema, None, None]
    assert model.form == "plain"


@pytest.mark.parametrize(
    "takes, form, n_asked",
    [
        ({}, "schema", 2),
        ({"takes_schema": False}, "tool", 3),
        ({"takes_schema": False, "takes_tools": False}, "plain", 4),
    ],
)
def test_the_form_is_told_in_the_best_way_that_the_endpoint_takes(teacher, takes, form, n_asked):
    seen = []

    def answer(asked):
        seen.append((asked.form, asked.schema))
        return Reply('{"items": []}')

    schema = {"type": "object", "properties": {"items": {"type": "array"}}}
    server = teacher(otherwise=answer, **takes)
    model = hosted(server)
    outcomes = []
    for text in "ab":  # what was found out with the first is remembered
        model.work([request(text, schema=schema)], lambda r, o: outcomes.append(o))
    assert [(one.text, one.finish_reason) for one in outcomes] == [('{"items": []}', "stop")] * 2
    assert seen == [(form, None if form == "plain" else schema)] * 2
    assert model.form == form and len(server.ledger) == n_asked
    # A conversation without a schema is asked in plain words, whatever the endpoint takes.
    assert "".join(model.stream(asked("x"), SAMPLING)) == '{"items": []}'
    assert seen[-1] == ("plain", None)


def test_many_at_once_find_the_form_out_once(teacher):
    server = teacher(takes_schema=False, takes_tools=False)
    requests = [request(str(n), schema={"type": "object"}) for n in range(20)]
    outcomes = []
    model = hosted(server, at_once=8)
    model.work(requests, lambda r, o: outcomes.append(o.text))
    assert outcomes == ["OK"] * 20 and model.form == "plain"
    assert server.ledger.counts() == {"400": 2, "200": 20}


def test_a_call_that_was_cut_or_not_made_is_read_as_what_it_is(teacher):
    server = teacher(
        Rule("cut", (Reply('{"items": [', finish_reason="length"),)),
        Rule("called", (Reply('{"a": 1}', finish_reason="tool_calls"),)),
        Rule("words", (Reply('Here: {"a": 1}', calls=False),)),
        takes_schema=False,
    )
    outcomes = {}
    some = [request(text, schema={"type": "object"}) for text in ("cut", "called", "words")]
    hosted(server).work(some, lambda r, o: outcomes.update({r.tag: (o.text, o.finish_reason)}))
    assert outcomes == {
        "cut": ('{"items": [', "length"),
        "called": ('{"a": 1}', "stop"),
        "words": ('Here: {"a": 1}', "stop"),
    }


def call(arguments, **fields) -> dict:
    return {"function": {"name": "reply", "arguments": arguments}, **fields}


@pytest.mark.parametrize(
    "deltas",
    [
        [[call('{"a"', index=0, id="x")], [call(": 1}", index=0)], [call('{"b": 2}', index=1)]],
        [[call('{"a"', id="x")], [call(": 1}")], [call('{"b": 2}', id="y")]],
        [[call('{"a"', index=0)], [call('{"b"', index=1)], [call(": 1}", index=0)]]
        + [[call(": 2}", index=1)]],
        [[call({"a": 1}), call({"b": 2}, id="y")]],
        [[call(None, index=0), "nonsense", {"function": 3}], [call('{"a": 1}\n{"b": 2}', index=0)]],
    ],
    ids=["by index", "by id", "mixed", "as objects", "with nonsense"],
)
def test_calls_are_joined_however_they_are_told_apart(deltas):
    reply = ReplyStream()
    reply.take_line('data: {"choices": [{"delta": {"content": "Let me think."}}]}')
    for calls in deltas:
        event = {"choices": [{"delta": {"tool_calls": calls}}]}
        assert reply.take_line(f"data: {json.dumps(event)}") == ""
    reply.take_line('data: {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}')
    assert reply.close() is None and reply.finish_reason == "stop"
    assert [json.loads(line) for line in reply.text.splitlines()] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "status, message, kind",
    [
        (400, "This response_format type is unavailable now", NoForm),
        (422, "response_format.type `json_schema` is unavailable now at line 1", NoForm),
        (400, "'response_format.type' : value is not one of the allowed values", NoForm),
        (400, "registry.ollama.ai/library/llama2:13b does not support tools", NoForm),
        (400, "deepseek-reasoner does not support this tool_choice", NoForm),
        (404, "No endpoints found that support tool use.", NoForm),
        (500, "tools param requires --jinja flag", NoForm),
        (400, "maximum context length is 9 tokens (8 in messages, 3 in tools)", Unanswerable),
        (404, "The model does not exist", Hopeless),
        (500, "overloaded", Passing),
    ],
)
def test_endpoints_say_in_many_words_that_they_do_not_take_a_form(status, message, kind):
    body = json.dumps({"error": {"message": message}})
    assert isinstance(fault_of(status, {}, body), kind)


def test_case_53_a_refusal_is_a_class_of_its_own_and_asked_once(teacher):
    server = teacher(
        Rule("filter", (Fault("status", 400, "content_filter"),)),
        Rule("cut off", (Reply("", finish_reason="content_filter"),)),
        Rule("declined", (Reply("", refusal="I cannot help with that."),)),
    )
    outcomes = work(hosted(server), "filter", "cut off", "declined")
    assert {text: one.finish_reason for text, one in outcomes.items()} == {
        "filter": "content_filter",
        "cut off": "content_filter",
        "declined": "refusal",
    }
    assert outcomes["declined"].text == "I cannot help with that."
    assert len(server.ledger) == 3


@pytest.mark.parametrize(
    "headers, at_least_s",
    [({"Retry-After": "1"}, 1.0), ({"retry-after-ms": "300"}, 0.3), ({}, 0.005)],
    ids=["seconds", "milliseconds", "nothing"],
)
def test_case_54_a_limit_is_obeyed_by_all(teacher, headers, at_least_s):
    server = teacher(Rule("limited", (Fault("status", 429, headers=headers), Reply("OK"))))
    model = hosted(server, at_once=4)
    outcomes = work(model, "limited", *(f"other {n}" for n in range(8)))
    assert all(one.text == "OK" for one in outcomes.values())
    entries = server.ledger.entries
    refused = next(n for n, entry in enumerate(entries) if entry.outcome == "429")
    # The first request goes out alone, so nothing else was under way when it was refused.
    assert refused == 0
    assert entries[1].arrived_s - entries[0].arrived_s >= at_least_s
    assert len(entries) == 10


def test_case_54_a_date_is_told_by_the_answers_own_clock():
    date = {"date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    until = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}
    assert wait_asked({**date, **until}) == 30
    now = datetime.now(UTC).replace(microsecond=0)
    late = format_datetime(now + timedelta(seconds=9), usegmt=True)
    assert wait_asked({"retry-after": late}, now) == 9
    assert wait_asked({**date, "retry-after": date["date"]}) == 0
    for nonsense in ("soon", "-5", "nan", "inf", "", "1e300"):
        assert wait_asked({"retry-after": nonsense}) is None


def test_case_54_a_date_is_obeyed(teacher):
    until = [""]

    def in_two_seconds(asked):
        if asked.n_before:
            return Reply("OK")
        until[0] = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return Fault("status", 429, headers={"Retry-After": until[0]})

    server = teacher(otherwise=in_two_seconds)
    assert work(hosted(server), "x")["x"].text == "OK"
    first, second = server.ledger.entries
    assert second.arrived_s - first.arrived_s > 0.9  # dates have no fractions of a second


def test_case_54_a_long_wait_parks_the_job_and_keeps_what_was_answered(teacher):
    limit = Fault("status", 429, headers={"Retry-After": "600"}, message="come back later")
    server = teacher(Rule("parked", (limit,)))
    model = hosted(server, at_once=1)
    outcomes = {}
    started = time.monotonic()
    with pytest.raises(ParkedError, match=r"wait for 600 s .*come back later.* run the same"):
        texts = ["first", "second", "parked", "third"]
        model.work([request(t) for t in texts], lambda r, o: outcomes.update({r.tag: o}))
    assert time.monotonic() - started < 3
    assert set(outcomes) == {"first", "second"} and len(server.ledger) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 500),
        Fault("status", 502),
        Fault("status", 503, headers={"Retry-After": "0"}),
        Fault("reset"),
        Fault("half-closed"),
        Fault("garbage"),
    ],
    ids=["500", "502", "503", "reset", "half-closed", "garbage"],
)
def test_case_55_what_may_pass_is_tried_again_within_a_budget(teacher, fault):
    server = teacher(Rule("once", (fault, Reply("OK"))), Rule("always", (fault,)))
    outcomes = work(hosted(server), "once", "always", "fine")
    assert outcomes["once"].text == outcomes["fine"].text == "OK"
    assert isinstance(outcomes["always"], Failure) and outcomes["always"].may_pass
    assert outcomes["always"].reason.startswith("given up after 6 tries: ")
    assert len(server.ledger) == 2 + 6 + 1


def test_case_55_waits_grow_and_are_drawn(teacher):
    patience = Patience(tries=5, first_wait_s=0.05, longest_wait_s=0.2)
    server = teacher(Rule("", (Fault("status", 500),)))
    work(hosted(server, patience=patience), "x")
    times = [entry.arrived_s for entry in server.ledger.entries]
    waits = [b - a for a, b in zip(times, times[1:], strict=False)]
    for wait, longest in zip(waits, (0.05, 0.1, 0.2, 0.2), strict=True):
        assert longest / 2 <= wait < longest + 0.15


def test_case_55_an_endpoint_that_is_down_parks_the_job(teacher):
    server = teacher(Rule("", (Fault("status", 503),)))
    patience = Patience(tries=2, first_wait_s=0.01, down_after=3)
    with pytest.raises(ParkedError, match="3 requests in a row were given up"):
        work(hosted(server, patience=patience, at_once=2), *map(str, range(50)))
    assert len(server.ledger) < 12


def test_case_55_a_third_of_faults_leaves_nothing_unanswered(teacher):
    limit = Fault("status", 429, headers={"retry-after-ms": "20"})
    faults = (Fault("status", 500), Fault("reset"), limit, Fault("half-closed"))
    rules = [Rule("" + "(?:)" * n, (one,), probability=0.085) for n, one in enumerate(faults)]
    server = teacher(*rules, seed=5)
    patience = Patience(first_wait_s=0.01, longest_wait_s=0.05)
    texts = [f"item {n}" for n in range(300)]
    outcomes = work(hosted(server, patience=patience), *texts)
    assert [outcomes[text].text for text in texts] == ["OK"] * 300
    counts = server.ledger.counts()
    assert counts["200"] == 300 and 0.2 < 1 - 300 / counts.total() < 0.4


def test_nobody_there_is_told_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1#m"
        model = HostedModel(parse_endpoint(url), patience=HASTY)
        with pytest.raises(EndpointError, match="cannot be reached .* Is the server running"):
            model.complete([asked("x")], SAMPLING)


@pytest.mark.parametrize("kind", ["silent", "hangs", "stalls"])
def test_case_56_silence_is_given_up_and_tried_again(teacher, kind):
    assert Patience().idle_s <= 60
    server = teacher(Rule("", (Fault(kind), Reply("OK"))))
    started = time.monotonic()
    assert work(hosted(server), "x")["x"].text == "OK"
    assert 0.4 <= time.monotonic() - started < 3
    assert server.ledger.counts() == {kind: 1, "200": 1}


@pytest.mark.parametrize(
    "fault, told",
    [
        (Fault("status", 401, "invalid_api_key"), "the key was refused"),
        (Fault("status", 402), "Top the account up"),
        (Fault("status", 403), "forbidden"),
        (Fault("status", 404, "model_not_found"), "name of the model"),
        (Fault("status", 429, "insufficient_quota"), "quota is used up"),
    ],
    ids=["401", "402", "403", "404", "quota"],
)
def test_case_57_what_no_try_can_mend_stops_at_once_and_work_is_kept(teacher, fault, told):
    server = teacher(Rule("slow", (Reply("kept", delay_s=0.3),)), Rule("bad", (fault,)))
    model = hosted(server, at_once=3)
    outcomes = {}
    texts = ["fine", "slow", "bad", *map(str, range(100))]
    with pytest.raises(EndpointError, match=told) as stopped:
        model.work([request(t) for t in texts], lambda r, o: outcomes.update({r.tag: o}))
    assert not isinstance(stopped.value, ParkedError)
    assert outcomes["fine"].text == "OK" and outcomes["slow"].text == "kept"
    assert "bad" not in outcomes and len(server.ledger) < 10


def test_case_57_a_key_that_is_refused_costs_one_request(teacher):
    server = teacher(Rule("", (Fault("status", 401),)))
    with pytest.raises(EndpointError):
        work(hosted(server), *map(str, range(100)))
    assert len(server.ledger) == 1


def test_the_cap_on_the_cost_is_passed_by_at_most_what_is_under_way(teacher):
    server = teacher(otherwise=Reply("x" * 400))  # 100 tokens
    model = hosted(server, at_once=4, prices=Prices(0.0, 10_000.0), max_cost=10.0)
    with pytest.raises(EndpointError, match="the cap of 10 is reached"):
        work(model, *map(str, range(100)))
    assert 10 <= model.spend.n_replies <= 10 + 4
    with pytest.raises(EndpointError, match="needs the prices"):
        hosted(server, max_cost=1.0)


def test_replies_are_paid_for_once(teacher, tmp_path):
    server = teacher()
    cache = ReplyCache(tmp_path / "replies.sqlite")
    first = hosted(server, cache=cache).complete([asked("a"), asked("b")], SAMPLING)
    model = hosted(server, cache=cache)
    again = model.complete([asked("b"), asked("a")], SAMPLING)
    assert [a.text for a in again] == [a.text for a in first] and again[0].latency_s is None
    assert len(server.ledger) == 2 and model.n_from_cache == 2 and model.spend.n_replies == 0
    model.complete([asked("a")], Sampling(max_new_tokens=65))
    assert len(server.ledger) == 3


def test_the_key_is_shown_nowhere(teacher, monkeypatch, caplog, tmp_path, capfd):
    secret = "sk-very-secret-1234"
    told = Fault("status", 401, message=f"Incorrect API key provided: {secret}.")
    server = teacher(Rule("wrong", (told,)), key=secret)
    monkeypatch.setenv("TUNESMITH_API_KEY", secret)
    caplog.set_level(logging.DEBUG)
    cache = ReplyCache(tmp_path / "replies.sqlite")
    model = HostedModel.open(server.url, patience=HASTY, cache=cache)
    assert model.endpoint.model == "teacher"
    assert model.complete([asked("right")], SAMPLING)[0].text == "OK"
    with pytest.raises(EndpointError, match=r"\*\*\*") as stopped:
        model.complete([asked("wrong")], SAMPLING)
    key = find_key("TUNESMITH_API_KEY")
    with pytest.raises(TypeError):
        pickle.dumps(key)
    shown = [str(stopped.value), repr(model), repr(model.__dict__), repr(key), str(key)]
    shown += [repr(vars(model._asker)), caplog.text, *capfd.readouterr()]
    shown += [file.read_bytes().decode("latin-1") for file in tmp_path.iterdir()]
    assert not [text for text in shown if secret in text]


def test_keys_come_from_the_environment_or_a_file(monkeypatch, tmp_path):
    assert find_key("SOME_KEY") is None
    file = tmp_path / "key"
    file.write_text("from-file\n")
    monkeypatch.setenv("SOME_KEY_FILE", str(file))
    assert find_key("SOME_KEY").header() == "Bearer from-file"
    monkeypatch.setenv("SOME_KEY", "from-variable")
    assert find_key("SOME_KEY").header() == "Bearer from-variable"
    monkeypatch.setenv("SOME_KEY", "sec\nret")
    with pytest.raises(EndpointError, match="SOME_KEY: holds no key") as bad:
        find_key("SOME_KEY")
    assert "sec" not in str(bad.value).replace("SOME_KEY", "")


def test_endpoints_are_named():
    openai = parse_endpoint("openai:gpt-4o")
    assert openai.url == "https://api.openai.com/v1" and openai.model == "gpt-4o"
    assert parse_endpoint("ollama:llama3:8b").model == "llama3:8b"
    ours = parse_endpoint("http://127.0.0.1:8000/v1/#org/m")
    assert (ours.url, ours.model) == ("http://127.0.0.1:8000/v1", "org/m") and ours.is_here
    assert parse_endpoint("https://h.example/v1/chat/completions").url == "https://h.example/v1"
    assert parse_endpoint("http://[::1]:8000/v1").is_here
    assert is_hosted("openai:x") and is_hosted("https://h/v1") and not is_hosted("runs/demo")
    for name, told in {
        "opnai:gpt": "Did you mean 'openai'",
        "openai": "name the model too",
        "https://me:secret@h.example/v1": "no place for a password",
        "https://h.example/v1?key=secret": "without a query",
        "http://h:99999999/v1": "not a URL",
    }.items():
        with pytest.raises(EndpointError, match=told) as refused:
            parse_endpoint(name)
        assert "secret" not in str(refused.value)


def test_a_key_is_missing_or_would_be_seen():
    with pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        HostedModel(parse_endpoint("openai:gpt-4o"))
    with pytest.raises(EndpointError, match="in the clear"):
        HostedModel(parse_endpoint("http://far.example/v1#m"), key=ApiKey("long-secret"))


def test_the_one_model_served_is_taken_and_more_are_asked_for(teacher):
    several = teacher(models=("a", "b"))
    with pytest.raises(EndpointError, match="serves 2 models.*a, b"):
        HostedModel.open(several.url)


def test_tools_are_refused_rather_than_left_out(teacher):
    tools = Conversation((Message("user", "x"),), "chat.jsonl:4", tools="[]")
    with pytest.raises(DataError, match=r"chat\.jsonl:4: has tools"):
        hosted(teacher()).complete([tools], SAMPLING)


def test_everything_that_matters_is_in_the_key():
    here, there = parse_endpoint("http://h/v1#a"), parse_endpoint("http://h/v1#b")
    one = request("x")
    keys = [
        one.key(here),
        one.key(there),
        request("y").key(here),
        request("x", schema={"type": "object"}).key(here),
        request("x", sample=1).key(here),
        request("x", sampling=Sampling(seed=1)).key(here),
        request("x", sampling=Sampling(temperature=0.5)).key(here),
    ]
    assert len(set(keys)) == len(keys)
    same = Request(({"content": "x", "role": "user"},), Sampling(temperature=0), tag="other")
    assert same.key(here) == keys[0]


def test_a_character_that_a_stream_is_cut_in_is_joined_and_half_of_one_replaced():
    reply = ReplyStream()
    for piece in (r"a \ud83d", r"\ude00 b \ud83d", " c"):
        event = '{"choices": [{"delta": {"content": "' + piece + '"}}]}'
        shown = reply.take_line(f"data: {event}")
        shown.encode()
    reply.take_line(
        r'data: {"model": "\ud83d", "choices": [{"delta": {"refusal": "\ude00"}, '
        '"finish_reason": "stop"}]}'
    )
    assert reply.close() is None
    assert (reply.text, reply.model, reply.refusal) == ("a 😀 b \ufffd c", "\ufffd", "\ufffd")


@pytest.mark.parametrize(
    "fault, field",
    [
        (
            Fault(
                "status",
                400,
                "unsupported_value",
                "Unsupported value: 'temperature' does not support 0.0 with this model. Only the "
                "default (1) value is supported.",
                "temperature",
            ),
            "temperature",
        ),
        (
            Fault("status", 400, None, "temperature is not supported with this model"),
            "temperature",
        ),
        (Fault("status", 400, "unsupported_parameter", "no 'top_p' here", "top_p"), "top_p"),
    ],
    ids=["value", "no code", "top_p"],
)
def test_a_field_that_a_model_does_not_take_is_left_out_and_the_same_asked_once_more(
    teacher, fault, field
):
    server = teacher(Rule("^0$", (fault, Reply("OK"))))
    model = hosted(server)
    sampling = Sampling(temperature=0.5, top_p=0.9)
    outcomes = {}
    asked = [request(str(n), sampling=sampling) for n in range(8)]
    model.work(asked, lambda r, o: outcomes.update({r.tag: o}))
    assert [outcomes[one.tag].text for one in asked] == ["OK"] * 8
    assert server.ledger.counts() == {"400": 1, "200": 8}, "the first finds it out for all"
    assert model.left_out == {field}
    body = asked[0].body(model.endpoint, form="plain", without=model.left_out)
    assert field not in body and {"model", "messages", "stream"} <= set(body)


def test_a_field_that_is_refused_although_it_was_left_out_ends_the_job(teacher):
    fault = Fault("status", 400, "unsupported_value", "no 'temperature'", "temperature")
    server = teacher(Rule("", (fault,)))
    with pytest.raises(EndpointError, match="no 'temperature'"):
        work(hosted(server), "x")
    assert len(server.ledger) == 2


@pytest.mark.parametrize(
    "message",
    ["'temperature' must be between 0 and 2", "The seed of this text is not understood."],
)
def test_a_mistake_about_a_field_is_told_and_not_left_out(message):
    body = json.dumps({"error": {"message": message, "code": "invalid_value"}})
    assert isinstance(fault_of(400, {}, body), Unanswerable)
