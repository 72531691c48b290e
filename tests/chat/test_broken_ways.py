"""What breaks on the way to a hosted model, or in the cache before it: a clear word each."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing

import pytest

from tunesmith.chat.chat_model import Completion, Sampling
from tunesmith.chat.endpoint import Endpoint, parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.chat.patience import Failure, Patience
from tunesmith.chat.reply_cache import ReplyCache
from tunesmith.chat.request import Request
from tunesmith.core.errors import EndpointError, RunError
from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule

pytest.importorskip("httpx")

HASTY = Patience(tries=2, first_wait_s=0.01, longest_wait_s=0.02, idle_s=2)
SAMPLING = Sampling(max_new_tokens=64)
AFAR = "http://h.example:9/v1#m"
GARBLED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: 9\r\nConnection: close\r\n\r\nno gzip!!"
)


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def garbling():
    """The URL of a server whose answers say that they are packed, and are not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    with closing(server.accept()[0]) as one:
                        one.recv(65536)
                        one.sendall(GARBLED)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def asked(text):
    return Conversation((Message("user", text),), f"test:{text}")


def model_of(server, **settings):
    return HostedModel(parse_endpoint(f"{server.url}#m"), patience=HASTY, **settings)


def request(text):
    return Request(({"role": "user", "content": text},), tag=text)


def test_an_answer_that_cannot_be_unpacked_is_tried_again_and_given_up(garbling):
    outcomes = []
    model = HostedModel(parse_endpoint(f"{garbling}#m"), patience=HASTY)
    model.work([request("x")], lambda r, o: outcomes.append(o))
    [lost] = outcomes
    assert isinstance(lost, Failure) and lost.may_pass
    assert lost.reason.startswith("given up after 2 tries: DecodingError")
    with pytest.raises(EndpointError, match=r"cannot be reached \(DecodingError"):
        HostedModel.open(garbling)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://me:s3cr3t@127.0.0.1:9", "ALL_PROXY names a SOCKS proxy.*pip inst"),
        ("http_proxy", "ftp://me:s3cr3t@127.0.0.1:9", "HTTP_PROXY names, cannot be used"),
        ("HTTP_PROXY", "http://me:s3cr3t@h:x", "HTTP_PROXY names, cannot be used"),
        ("SSL_CERT_FILE", "/no/such/s3cr3t", "certificates that SSL_CERT_FILE names"),
    ],
)
def test_an_environment_that_leads_nowhere_is_told(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(EndpointError, match=words) as told:
        HostedModel(parse_endpoint(AFAR), patience=HASTY).complete([asked("x")], SAMPLING)
    assert "s3cr3t" not in str(told.value) and "http://h.example:9/v1#m: " in str(told.value)


@pytest.mark.parametrize("url", ["http://-\u2100-/v1", "http://a..b\x00/v1"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(EndpointError, match=r"the address cannot be used.*https://HOST/v1"):
        HostedModel(Endpoint(url, "m", None), patience=HASTY).complete([asked("x")], SAMPLING)


def test_a_damaged_cache_is_told_and_nothing_is_asked(teacher, tmp_path):
    server, cache = teacher(), ReplyCache(tmp_path / "replies.sqlite")
    model = model_of(server, cache=cache)
    cache.path.write_bytes(b"no database at all, though it is long enough to be taken for one" * 99)
    with pytest.raises(RunError, match=r"replies\.sqlite: the cache of replies cannot be read"):
        model.complete([asked("a"), asked("b")], SAMPLING)
    with pytest.raises(RunError, match="run the same command again"):
        list(model.stream(asked("a"), SAMPLING))
    assert len(server.ledger) == 0


def test_a_reply_that_the_cache_cannot_take_is_handed_over_before_the_job_ends(teacher, tmp_path):
    server, cache = teacher(), ReplyCache(tmp_path / "replies.sqlite", wait_s=0.05)
    model, outcomes = model_of(server, cache=cache, at_once=2), []
    with closing(sqlite3.connect(cache.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="cannot be written .*locked.*another process"):
            model.work(map(request, "abcdefgh"), lambda r, o: outcomes.append(o))
    assert 1 <= len(outcomes) == len(server.ledger) <= 2  # no more was asked for
    assert {one.text for one in outcomes} == {"OK"} and model.spend.n_replies == len(outcomes)


def test_a_kept_reply_that_cannot_be_read_is_asked_for_again(teacher, tmp_path):
    server, cache = teacher(), ReplyCache(tmp_path / "replies.sqlite")
    outcomes: list[object] = []
    for odd in ("no JSON", '{"of_another_version": 1}', "[]"):
        with closing(sqlite3.connect(cache.path)) as base, base:
            key = request("x").key(parse_endpoint(f"{server.url}#m"))
            base.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, odd))
        assert cache.get(key) is None
        model_of(server, cache=cache).work([request("x")], lambda r, o: outcomes.append(o))
        assert isinstance(outcomes[-1], Completion) and cache.get(key) == outcomes[-1]
    assert len(server.ledger) == 3


def test_a_refusal_is_kept_too_and_not_paid_for_twice(teacher, tmp_path):
    server = teacher(
        Rule("filter", (Fault("status", 400, "content_filter"),)),
        Rule("cut off", (Reply("", finish_reason="content_filter"),)),
        Rule("declined", (Reply("", refusal="I cannot help with that."),)),
    )
    some = [asked(text) for text in ("filter", "cut off", "declined")]
    told = []
    for _ in range(2):
        model = model_of(server, cache=ReplyCache(tmp_path / "replies.sqlite"))
        told.append(model.complete(some, SAMPLING))
        assert len(server.ledger) == 3
    assert told[0] == told[1]
    assert [one.finish_reason for one in told[0]] == ["content_filter"] * 2 + ["refusal"]
