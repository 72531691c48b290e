"""The server, asked by the official client."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from planted import Knows, planted

from tunesmith.synthesize.teacher.extract import MODEL, questions_on, reply_from_passage
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule

openai = pytest.importorskip("openai")


@pytest.fixture
def client():
    opened = []

    def make(server, key="k", **settings):
        opened.append(
            openai.OpenAI(base_url=server.url, api_key=key, max_retries=0, timeout=5, **settings)
        )
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def ask(client, text, **settings):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="teacher", messages=messages, **settings)


def test_the_official_client_is_answered_whole_and_in_pieces(teacher, client):
    facts = planted(4)
    server = teacher(otherwise=Knows(facts))
    caller = client(server)
    assert [model.id for model in caller.models.list()] == ["teacher"]
    whole = ask(caller, facts[1].request)
    assert whole.choices[0].message.content == facts[1].reply
    assert whole.choices[0].finish_reason == "stop" and whole.usage.completion_tokens > 0
    events = list(
        ask(caller, facts[1].request, stream=True, stream_options={"include_usage": True})
    )
    pieces = [e.choices[0].delta.content or "" for e in events if e.choices]
    assert len(pieces) > 3 and "".join(pieces) == facts[1].reply
    assert events[-1].usage == whole.usage
    assert [entry.key for entry in server.ledger.entries] == [server.ledger.entries[0].key] * 2


SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "note", "parameters": SCHEMA}}]
FORCED = {"type": "function", "function": {"name": "note"}}


def test_the_official_client_is_answered_by_a_call(teacher, client):
    text = '{"answer": "eight hundred hours, more or less"}'
    server = teacher(otherwise=lambda asked: Reply(text if asked.schema == SCHEMA else "no"))
    caller = client(server)
    whole = ask(caller, "x", tools=TOOLS, tool_choice=FORCED).choices[0]
    [call] = whole.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("note", text)
    assert whole.message.content is None and whole.finish_reason == "stop"
    with caller.chat.completions.stream(
        model="teacher",
        messages=[{"role": "user", "content": "x"}],
        tools=TOOLS,
        tool_choice=FORCED,
    ) as stream:
        told = stream.get_final_completion().choices[0].message
    assert told.tool_calls[0].function.arguments == text and not told.content
    assert told.tool_calls[0].id == call.id
    required = ask(caller, "x", tools=TOOLS, tool_choice="required").choices[0].message
    assert required.tool_calls[0].function.arguments == text
    assert ask(caller, "x", tools=TOOLS).choices[0].message.content == "no"


def test_the_official_client_is_refused_what_the_server_does_not_take(teacher, client):
    server = teacher(takes_schema=False, takes_tools=False)
    caller = client(server)
    form = {"type": "json_schema", "json_schema": {"name": "note", "schema": SCHEMA}}
    with pytest.raises(openai.BadRequestError, match="response_format"):
        ask(caller, "x", response_format=form)
    with pytest.raises(openai.BadRequestError, match="does not support tools"):
        ask(caller, "x", tools=TOOLS, tool_choice=FORCED)
    other = {"type": "function", "function": {"name": "other"}}
    with pytest.raises(openai.BadRequestError, match="'other' not found"):
        ask(caller, "x", tools=TOOLS, tool_choice=other)
    assert ask(caller, "x").choices[0].message.content == "OK"
    assert server.ledger.counts() == {"400": 2, "200": 1}


def test_the_official_client_raises_its_own_errors(teacher, client):
    late = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server = teacher(
        Rule("seconds", (Fault("status", 429, headers={"Retry-After": "7"}),)),
        Rule("date", (Fault("status", 429, headers={"Retry-After": late}),)),
        Rule("quota", (Fault("status", 429, "insufficient_quota"),)),
        Rule("down", (Fault("status", 503),)),
        Rule("reset", (Fault("reset"),)),
        key="right",
    )
    good = client(server, "right")
    with pytest.raises(openai.RateLimitError) as seconds:
        ask(good, "seconds")
    assert seconds.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.RateLimitError) as date:
        ask(good, "date")
    assert date.value.response.headers["retry-after"] == late
    with pytest.raises(openai.RateLimitError) as quota:
        ask(good, "quota")
    assert quota.value.code == "insufficient_quota"
    with pytest.raises(openai.InternalServerError, match="a planted fault"):
        ask(good, "down")
    with pytest.raises(openai.APIConnectionError):
        ask(good, "reset")
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
        ask(client(server, "wrong"), "seconds")
    with pytest.raises(openai.NotFoundError):
        good.files.list()
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        ask(good, "x", max_tokens=-1)
    assert server.ledger.counts() == {"429": 3, "503": 1, "reset": 1}


def test_limits_are_kept_and_told(teacher, client):
    server = teacher(requests_per_minute=60, burst_s=2)
    caller = client(server)
    got = caller.chat.completions.with_raw_response.create(
        model="teacher", messages=[{"role": "user", "content": "x"}]
    )
    assert got.headers["x-ratelimit-limit-requests"] == "60"
    assert got.headers["x-ratelimit-remaining-requests"] == "1"
    ask(caller, "y")
    with pytest.raises(openai.RateLimitError) as refused:
        ask(caller, "z")
    assert refused.value.response.headers["retry-after"] == "1"


def test_a_script_does_the_same_whatever_the_order(teacher, client):
    outcomes = []
    for order in (1, -1):
        server = teacher(Rule("", (Fault("status", 500),), probability=0.5), seed=3)
        caller = client(server)
        for number in range(20)[::order]:
            try:
                ask(caller, f"request {number}")
            except openai.InternalServerError:
                continue
        outcomes.append({entry.text: entry.outcome for entry in server.ledger.entries})
    assert outcomes[0] == outcomes[1] and 4 < sum(o == "500" for o in outcomes[0].values()) < 16


def test_acts_follow_one_another(teacher, client):
    server = teacher(Rule("x", (Reply("first"), Reply("second"))))
    said = [ask(client(server), "x").choices[0].message.content for _ in range(3)]
    assert said == ["first", "second", "second"]


def test_a_foreign_host_name_is_refused(teacher):
    server = teacher()
    request = urllib.request.Request(f"{server.url}/models", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 403
    refused.value.close()


def test_stopping_ends_a_request_that_hangs(teacher, client):
    server = teacher(Rule("", (Fault("hangs"),)))
    at = urllib.parse.urlsplit(server.url)
    with socket.create_connection((at.hostname, at.port)) as caller:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]})
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}"
        )
        caller.sendall(f"{head}\r\n\r\n{body}".encode())
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("number", range(6))
def test_questions_are_answered_from_the_passage(number):
    fact = planted(6)[number]
    made = questions_on(fact.passage, 3)
    assert made
    for one in made:
        assert one.evidence in fact.passage and one.answer in one.evidence
        assert one.question.endswith(one.evidence.replace(one.answer, "____"))


def test_a_passage_without_anything_to_ask_gives_no_question():
    assert questions_on("", 3) == questions_on("Hm.\n\nA, b.", 3) == []


def test_the_demo_fills_the_schema_it_is_given(teacher, client):
    pair = {
        "type": "object",
        "properties": {
            "question": {"type": "string"},
            "answer": {"type": "string"},
            "evidence": {"type": "string"},
            "kind": {"enum": ["fact", "why"]},
        },
    }
    schema = {
        "type": "object",
        "properties": {"pairs": {"type": "array", "items": {"$ref": "#/$defs/Pair"}}},
        "$defs": {"Pair": pair},
    }
    form = {"type": "json_schema", "json_schema": {"name": "pairs", "schema": schema}}
    fact = planted(1)[0]
    server = teacher(otherwise=reply_from_passage)
    reply = ask(client(server), fact.request, response_format=form)
    pairs = json.loads(reply.choices[0].message.content)["pairs"]
    assert reply.model == MODEL and pairs
    assert all(set(p) == {"question", "answer", "evidence", "kind"} for p in pairs)
    assert all(p["evidence"] in fact.passage and p["kind"] == "fact" for p in pairs)


def test_the_demo_is_a_command_on_loopback(client):
    command = [sys.executable, "-m", "tunesmith", "teacher", "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline()
            url = said.split()[0]
            assert url.startswith("http://127.0.0.1:") and MODEL in said
            caller = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=5)
            reply = ask(caller, "<passage>The lamp lasts 800 hours.</passage>")
            caller.close()
            assert reply.model == MODEL
            assert reply.choices[0].message.content == "The lamp lasts 800 hours."
        finally:
            process.send_signal(2)
            process.wait(10)
